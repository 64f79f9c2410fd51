"""Runs work: validation in a process of its own, submissions as durable jobs."""
