"""The gRPC classes: convert, call, convert."""
