"""Step 7: find the dataset by a word in another form, follow the lineage, see one trace, verify the audit log."""

import time

from treasury.main_job.forecasting import MODEL
from treasury.main_job.intake import STEWARD
from treasury.main_job.journal import Journal, Outcome, table
from treasury.main_job.sessions import Sessions

from lumbung.client import Client
from lumbung.errors import ApiError
from lumbung.traces import fetch_trace, render_tree

__all__ = ["follow_lineage", "search_words", "show_trace", "verify_audit"]

AUDITOR = "auditor-pusat"
WORDS = ("penganggaran", "pembelanjaan daerah", "merealisasikan")
TRACE_WAIT_SECONDS = 20.0
SHOWN_LINES = 40


def search_words(sessions: Sessions, journal: Journal) -> Outcome:
    """Searches with inflected Indonesian words; each has to find the panel."""
    found = []
    for words in WORDS:
        answer = sessions.client(STEWARD).catalog.search(words)
        names = [hit.name for hit in answer.hits]
        found.append((words, answer.total, ", ".join(names[:3])))
        if "datasets/apbd_panel" not in names:
            raise RuntimeError(f"{words!r} does not find apbd_panel but {names}")
    journal.say(table(["search", "hits", "first"], found))
    return Outcome(f"{len(WORDS)} inflected words find apbd_panel", len(WORDS))


def follow_lineage(sessions: Sessions, journal: Journal) -> Outcome:
    """Shows file, table, aggregate and model on one line of descent."""
    edges = sessions.client(STEWARD).catalog.lineage("datasets/apbd_panel").edges
    journal.say(
        table(
            ["from", "to", "by"],
            sorted(
                {
                    (
                        edge.source_label or edge.source,
                        edge.target,
                        edge.process.rpartition("/runs/")[0] or edge.process,
                    )
                    for edge in edges
                }
            ),
        )
    )
    targets = {
        edge.target.partition("/versions/")[0] for edge in edges if edge.source == "datasets/apbd_panel"
    }
    from_file = any(
        edge.source.startswith("files/") and edge.target == "datasets/apbd_panel" for edge in edges
    )
    wanted = {"datasets/apbd_by_province", f"models/{MODEL}"}
    if not from_file or not wanted <= targets:
        raise RuntimeError(f"the lineage of apbd_panel lacks {wanted - targets or 'its file'}")
    return Outcome("file -> table -> aggregate and model", len(edges))


def show_trace(journal: Journal, client: Client) -> Outcome:
    """Prints the trace of the pipeline run; it has to cover gateway, service and Dask tasks."""
    deadline = time.monotonic() + TRACE_WAIT_SECONDS
    while True:
        try:
            spans = fetch_trace(client.trace_id)
        except ApiError:
            spans = []
        services = {span["service"] for span in spans}
        if {"gateway", "compute", "compute-worker"} <= services:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"trace {client.trace_id} covers {sorted(services)} only")
        time.sleep(0.5)
    lines = render_tree(spans)
    journal.say("\n".join(lines[:SHOWN_LINES]))
    return Outcome(f"trace {client.trace_id} covers {', '.join(sorted(services))}", len(spans))


def verify_audit(sessions: Sessions, journal: Journal) -> Outcome:
    """Recomputes the audit log's chain as auditor."""
    catalog = sessions.client(AUDITOR).catalog
    answer = catalog.verify_audit_log()
    if not answer.intact:
        raise RuntimeError(f"the audit log breaks at {answer.broken_sequence}: {answer.message}")
    newest = catalog.list_audit_entries(limit=5)
    journal.say(
        table(
            ["no.", "who", "what", "on", "outcome"],
            [
                (entry.sequence, entry.username, entry.action, entry.resource, entry.outcome)
                for entry in newest
            ],
        )
    )
    return Outcome(f"audit chain intact, head {answer.head[:16]}", answer.entries)
