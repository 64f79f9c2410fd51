"""The main job: real budgets from upload to prediction through the running platform.

    python -m treasury.main_job [--json FILE] [--without-trace]

Ends with a table of steps; the exit code is 1 when any step failed. It can be repeated: the tables stay the same.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from treasury.main_job.evidence import follow_lineage, search_words, show_trace, verify_audit
from treasury.main_job.files import upload_collections
from treasury.main_job.forecasting import train_and_serve
from treasury.main_job.inputs import ROOT, find_inputs
from treasury.main_job.intake import STEWARD, load_content, show_findings, upload_tables
from treasury.main_job.journal import Journal, Outcome
from treasury.main_job.reading import read_as_three
from treasury.main_job.reconciliation import reconcile, run_pipeline
from treasury.main_job.sessions import Sessions

from lumbung.client import Client
from lumbung.ingest.v1.submission_service_pb2 import Submission


class MainJob:
    """The steps, and what one hands to the next."""

    def __init__(self, work: Path) -> None:
        self.journal = Journal()
        self.sessions = Sessions()
        self.work = work
        self.inputs = find_inputs(work)
        self.submissions: dict[str, Submission] = {}
        self.run_client: Client | None = None

    def _upload(self) -> Outcome:
        outcome, self.submissions = upload_tables(self.sessions, self.journal, self.inputs)
        return outcome

    def _pipeline(self) -> Outcome:
        outcome, self.run_client = run_pipeline(self.sessions, self.journal)
        return outcome

    def _trace(self) -> Outcome:
        if self.run_client is None:
            raise RuntimeError("there is no run to trace")
        return show_trace(self.journal, self.run_client)

    def row_counts(self) -> Outcome:
        """Rows of every dataset: the same after every repetition."""
        datasets = self.sessions.client(STEWARD).catalog.list_datasets()
        counts = {entry.name.removeprefix("datasets/"): entry.latest_snapshot.rows for entry in datasets}
        self.journal.say("\n".join(f"{name}: {rows:,} rows" for name, rows in sorted(counts.items())))
        return Outcome(
            "; ".join(f"{name} {rows}" for name, rows in sorted(counts.items())), sum(counts.values())
        )

    def run(self, *, with_trace: bool = True) -> None:
        """Runs every step; the trace needs a place that keeps traces."""
        journal, sessions = self.journal, self.sessions
        journal.run("1 sign in, load content", lambda: load_content(sessions, journal, ROOT / "treasury"))
        journal.run("2 upload raw tables", self._upload)
        journal.run("2b reports, workbooks, codes", lambda: upload_collections(sessions, journal, self.work))
        journal.run(
            "3 what validation found",
            lambda: show_findings(sessions, journal, self.submissions["apbd_panel"]),
        )
        journal.run("4a Dask pipeline", self._pipeline)
        journal.run("4b reconciliation", lambda: reconcile(sessions, journal))
        journal.run("5 one question, three callers", lambda: read_as_three(sessions, journal))
        journal.run("6 train, register, deploy, predict", lambda: train_and_serve(sessions, journal))
        journal.run("7a search", lambda: search_words(sessions, journal))
        journal.run("7b lineage", lambda: follow_lineage(sessions, journal))
        if with_trace:
            journal.run("7c one trace", self._trace)
        journal.run("7d audit", lambda: verify_audit(sessions, journal))
        journal.run("8 row counts", self.row_counts)
        sessions.close()


def main() -> int:
    """Runs the job and prints the table."""
    parser = argparse.ArgumentParser(description="The main job: real budgets from upload to prediction.")
    parser.add_argument("--json", type=Path, help="also write the table to this file as JSON")
    parser.add_argument(
        "--without-trace", action="store_true", help="leave step 7c out, where no traces are kept"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lumbung-main-job-") as work:
        job = MainJob(Path(work))
        job.run(with_trace=not arguments.without_trace)
    sys.stdout.write(f"\n{job.journal.summary()}\n\ninput: {job.inputs.origin}\n")
    if arguments.json is not None:
        lines = [vars(line) for line in job.journal.lines]
        arguments.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    return 1 if job.journal.failed else 0


if __name__ == "__main__":
    sys.exit(main())
