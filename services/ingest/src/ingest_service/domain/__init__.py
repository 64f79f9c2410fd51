"""The rules of ingest, free of transport and drivers."""
