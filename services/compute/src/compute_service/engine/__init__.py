"""Runs SQL in killable processes."""
