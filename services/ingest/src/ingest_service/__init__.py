"""Ingestion: uploads, contracts, validation, quarantine, publication."""
