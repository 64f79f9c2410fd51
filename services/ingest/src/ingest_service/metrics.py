"""What ingest counts for Prometheus."""

from prometheus_client import Counter, Histogram

from ingest_service.domain.source_run import SourceRunState
from ingest_service.domain.submission import SubmissionState

__all__ = ["BYTES", "ROWS", "SECONDS", "SOURCE_ROWS", "SOURCE_RUNS", "SOURCE_SECONDS", "SUBMISSIONS"]

BYTES = Counter("lumbung_ingest_bytes", "Bytes of uploads stored")
SUBMISSIONS = Counter("lumbung_ingest_submissions", "Submissions that came to an end", ["state"])
ROWS = Counter("lumbung_ingest_rows", "Rows of submissions", ["outcome"])
SECONDS = Histogram(
    "lumbung_ingest_submission_seconds",
    "From the finished upload to the end of its submission",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600),
)
SOURCE_RUNS = Counter("lumbung_ingest_source_runs", "Runs of sources that came to an end", ["state"])
SOURCE_ROWS = Counter("lumbung_ingest_source_rows", "Rows out of sources", ["outcome"])
SOURCE_SECONDS = Histogram(
    "lumbung_ingest_source_run_seconds",
    "From the request for a run of a source to its end",
    buckets=(1, 5, 10, 30, 60, 300, 900, 3600, 14400),
)

# To Prometheus a counter that begins with its first event has not risen: the first failure would call nobody.
for _state in SubmissionState:
    if _state.is_final:
        SUBMISSIONS.labels(_state.value)
for _run_state in SourceRunState:
    if _run_state.is_final:
        SOURCE_RUNS.labels(_run_state.value)
