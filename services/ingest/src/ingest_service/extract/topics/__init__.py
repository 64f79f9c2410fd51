"""Reads a topic into files, batch by batch, in a process that lasts as long as somebody wants more."""
