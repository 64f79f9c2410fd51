"""The checks, one subject each."""
