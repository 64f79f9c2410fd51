"""Compute: read-only SQL and Dask pipelines."""
