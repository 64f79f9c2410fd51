"""Steps 1 to 3: load the content, upload the raw tables, see what validation found."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from treasury.main_job.inputs import Inputs
from treasury.main_job.journal import Journal, Outcome, table
from treasury.main_job.sessions import Sessions

from lumbung.declarations import apply_declarations, read_declarations
from lumbung.ingest.v1.submission_service_pb2 import Submission

__all__ = ["load_content", "show_findings", "show_submissions", "upload_tables"]

CONTRIBUTOR = "kontributor-pusat"
STEWARD = "steward-pusat"
ENGINEER = "perekayasa-pusat"
_BY_ROLE = {"Pipeline": ENGINEER}
SHOWN_FINDINGS = 6


def load_content(sessions: Sessions, journal: Journal, folder: Path) -> Outcome:
    """Applies treasury/ through the public API: policies, datasets and terms as steward, pipelines as engineer."""
    declarations = read_declarations(folder)
    kinds = Counter(entry.kind for entry in declarations)
    for account in (STEWARD, ENGINEER):
        mine = [entry for entry in declarations if _BY_ROLE.get(entry.kind, STEWARD) == account]
        apply_declarations(sessions.client(account), mine)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    journal.say(f"applied {counted}")
    return Outcome(f"content loaded: {counted}", len(declarations))


def upload_tables(
    sessions: Sessions, journal: Journal, inputs: Inputs
) -> tuple[Outcome, dict[str, Submission]]:
    """Uploads the three files as contributor and waits until each is published."""
    journal.say(f"input: {inputs.origin}")
    client = sessions.client(CONTRIBUTOR)
    done: dict[str, Submission] = {}
    for dataset, path in (
        ("province", inputs.province),
        ("apbd_national", inputs.national),
        ("apbd_panel", inputs.panel),
    ):
        submission = client.uploads.wait(client.uploads.send(path, dataset).name)
        if submission.state != Submission.STATE_PUBLISHED:
            raise RuntimeError(f"{path.name} was not published: {submission.message}")
        done[dataset] = submission
    show_submissions(journal, done)
    good = sum(entry.rows_good for entry in done.values())
    return Outcome(f"{len(done)} files published, trace {client.trace_id}", good), done


def show_submissions(journal: Journal, done: Mapping[str, Submission]) -> None:
    """Shows a line for each dataset's submission."""
    journal.say(
        table(
            ["dataset", "file", "read", "good", "quarantined"],
            [
                (name, entry.file_name, entry.rows_read, entry.rows_good, entry.rows_bad)
                for name, entry in done.items()
            ],
        )
    )


def show_findings(sessions: Sessions, journal: Journal, submission: Submission) -> Outcome:
    """Shows what is wrong with the panel: rows per rule, and the first findings with their remedies."""
    counts = sorted(
        ((count.rule, count.rows) for count in submission.rule_counts), key=lambda entry: -entry[1]
    )
    journal.say(table(["rule", "rows"], counts))
    findings = sessions.client(CONTRIBUTOR).uploads.findings(submission.name, 200)
    shown: dict[str, str] = {}
    for finding in findings:
        shown.setdefault(
            finding.rule, f"row {finding.row}, {finding.column}: {finding.message} {finding.remedy}"
        )
    journal.say("\n".join(list(shown.values())[:SHOWN_FINDINGS]))
    if not submission.rows_bad or not findings:
        raise RuntimeError("validation found nothing wrong with tables that are known to be wrong")
    return Outcome(
        f"{submission.rows_bad:,} of {submission.rows_read:,} rows in quarantine", submission.rows_bad
    )
