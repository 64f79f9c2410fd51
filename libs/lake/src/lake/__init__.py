"""Iceberg tables on S3: one writer, one governed reader."""
