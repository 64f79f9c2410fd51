"""Where pipelines, runs and logs are kept, and the queue of runs."""
