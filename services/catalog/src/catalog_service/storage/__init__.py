"""Where the catalog keeps what it knows: ports, and their implementations."""
