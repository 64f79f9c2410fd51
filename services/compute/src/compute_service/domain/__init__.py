"""What compute speaks of: queries, pipelines, runs. No driver, no transport."""
