"""Runs pipelines: Dask schedules, Polars works."""
