"""Validation reports and files of bad rows, as people and programs get them."""
