"""Reads sources into files, in a process of its own: the only one that holds a source's password."""
