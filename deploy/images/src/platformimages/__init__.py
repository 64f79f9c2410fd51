"""Builds the container images: what is in each, layer by layer, and what runs it."""
