"""Gateway: Envoy configuration generated from the protos and the settings."""
