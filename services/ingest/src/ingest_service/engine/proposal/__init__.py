"""Drafts a contract from a file: its format, its columns, its key, and what it leaves open."""
