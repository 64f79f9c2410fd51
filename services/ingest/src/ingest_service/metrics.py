"""What ingest counts for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

from ingest_service.domain.source_run import SourceRunState
from ingest_service.domain.submission import SubmissionState

__all__ = [
    "BYTES",
    "ROWS",
    "SECONDS",
    "SOURCE_LAG",
    "SOURCE_LOST",
    "SOURCE_ROWS",
    "SOURCE_RUNS",
    "SOURCE_SECONDS",
    "SUBMISSIONS",
    "TOPIC_FAILURES",
]

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
SOURCE_LAG = Gauge(
    "lumbung_source_lag_messages",
    "Messages of a topic that are not read yet, where this process reads it",
    ["source", "partition"],
)
SOURCE_LOST = Counter(
    "lumbung_source_lost_messages", "Offsets of topics that were gone before they were read", ["source"]
)
TOPIC_FAILURES = Counter(
    "lumbung_source_topic_failures", "Times that reading a topic had to begin again", ["source", "reason"]
)

# To Prometheus a counter that begins with its first event has not risen: the first failure would call nobody.
for _state in SubmissionState:
    if _state.is_final:
        SUBMISSIONS.labels(_state.value)
for _run_state in SourceRunState:
    if _run_state.is_final:
        SOURCE_RUNS.labels(_run_state.value)
