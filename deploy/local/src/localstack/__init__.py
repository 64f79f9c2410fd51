"""The whole platform on one machine: start, watch, heal, stop."""
