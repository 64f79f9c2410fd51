"""Validation with Polars: readers, compiled contracts, findings. Runs in a process of its own, without credentials."""
