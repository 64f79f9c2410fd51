"""Ingestion: uploads, contracts, validation, quarantine, publication."""

import servicekit  # noqa: F401 (first: it prepares the process for gRPC)
