"""Python client and command line of the Lumbung platform."""
