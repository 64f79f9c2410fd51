"""Compute: read-only SQL and Dask pipelines."""

import servicekit  # noqa: F401 (first: it prepares the process for gRPC)
