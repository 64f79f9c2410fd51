"""Where uploads, submissions, chunks and tables are kept."""
