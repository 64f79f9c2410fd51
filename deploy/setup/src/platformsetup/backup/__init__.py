"""Backup and restore of what the platform keeps: every database, and every object of the lake's bucket.

A backup is a folder that is complete when it has its `manifest.json`, which is written last.
"""
