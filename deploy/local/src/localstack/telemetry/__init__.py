"""The local store of telemetry: OTLP in by gRPC, SQLite on disk, JSON out by HTTP."""
