"""Catalog: datasets, search, lineage, policy and audit."""
