"""Catalog: datasets, search, lineage, policy and audit."""

import servicekit  # noqa: F401 (first: it prepares the process for gRPC)
