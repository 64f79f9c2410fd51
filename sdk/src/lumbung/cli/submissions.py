"""`lumbung submissions`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumbung.cli.context import open_client

if TYPE_CHECKING:
    from lumbung.ingest.v1.submission_service_pb2 import Submission

__all__ = ["app", "failed", "full_name", "submission_record"]

app = typer.Typer(
    name="submissions", help="What became of uploaded files, and what people decide.", no_args_is_help=True
)
_Id = Annotated[str, typer.Argument(metavar="ID")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; the sender and the history keep it.")]
_RequestId = Annotated[str, typer.Option(help="The same id does it once.")]
_Wait = Annotated[bool, typer.Option(help="Wait until it is done.")]


def submission_record(submission: "Submission") -> dict[str, Any]:
    """A submission as plain data."""
    from lumbung.cli.printing import message_dict  # noqa: PLC0415

    plain = message_dict(submission)
    plain["state"] = plain["state"].removeprefix("STATE_")
    plain["rule_counts"] = {entry["rule"]: int(entry["rows"]) for entry in plain["rule_counts"]}
    return plain


def failed(submission: "Submission") -> bool:
    """Whether nothing was published."""
    return submission.state in {submission.STATE_REJECTED, submission.STATE_FAILED}


def full_name(identifier: str) -> str:
    """`submissions/{id}` of an id or a name."""
    return identifier if identifier.startswith("submissions/") else f"submissions/{identifier}"


@app.command("show")
def _show(identifier: _Id) -> None:
    """Shows a submission."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        print_record(submission_record(client.uploads.get(full_name(identifier))))


@app.command("list")
def _list(
    dataset: Annotated[str, typer.Option(help="Only of this dataset.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """Lists submissions, newest first."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [submission_record(entry) for entry in client.uploads.list_submissions(dataset, limit)]
    print_rows(rows, ["name", "dataset", "file_name", "state", "rows_good", "rows_bad", "create_time"])


@app.command("findings")
def _findings(
    identifier: _Id,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
) -> None:
    """Lists what is wrong: row, column, value, rule and remedy."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [message_dict(finding) for finding in client.uploads.findings(full_name(identifier), limit)]
    for row in rows:
        row["severity"] = row["severity"].removeprefix("SEVERITY_")
    print_rows(rows, ["row", "column", "value", "rule", "message", "remedy"])


@app.command("steps")
def _steps(identifier: _Id) -> None:
    """Lists who did what with it, and when."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [message_dict(step) for step in client.submissions.steps(full_name(identifier), 1000)]
    for row in rows:
        row["state"] = row["state"].removeprefix("STATE_")
    print_rows(rows, ["create_time", "action", "state", "actor", "reason"])


@app.command("certify")
def _certify(
    identifier: _Id,
    digest: Annotated[
        str, typer.Option(help="The content_digest that you looked at; without it you are asked.")
    ] = "",
    request_id: _RequestId = "",
    wait: _Wait = True,
) -> None:
    """Releases a validated submission of somebody else for publication."""
    with open_client() as client:
        submission = client.uploads.get(full_name(identifier))
        done = client.submissions.certify(
            submission.name,
            content_digest=digest or _looked_at(submission),
            control_totals=dict(submission.control_totals),
            request_id=request_id,
        )
        _finish(client.uploads.wait(done.name) if wait else done)


def _looked_at(submission: "Submission") -> str:
    """The digest of what a person has been shown and says yes to."""
    import sys  # noqa: PLC0415

    from lumbung.cli.context import options  # noqa: PLC0415
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.errors import ApiError  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    if options.json or not sys.stdin.isatty():
        message = say("digest_missing", name=submission.name)
        raise ApiError(code="USAGE", reason="USAGE", message=message)
    print_record(submission_record(submission))
    typer.confirm(say("certify_question"), abort=True)
    return submission.content_digest


@app.command("reject")
def _reject(identifier: _Id, reason: _Reason, request_id: _RequestId = "") -> None:
    """Refuses a validated submission: nothing of it is published."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        done = client.submissions.reject(full_name(identifier), reason, request_id=request_id)
    print_record(submission_record(done))


@app.command("withdraw")
def _withdraw(identifier: _Id, reason: _Reason = "", request_id: _RequestId = "") -> None:
    """Takes your own submission back before it is certified."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        done = client.submissions.withdraw(full_name(identifier), reason, request_id=request_id)
    print_record(submission_record(done))


@app.command("revert")
def _revert(identifier: _Id, reason: _Reason, request_id: _RequestId = "", wait: _Wait = True) -> None:
    """Takes a publication back; what was known before stays readable."""
    with open_client() as client:
        done = client.submissions.revert(full_name(identifier), reason, request_id=request_id)
        ended = client.uploads.wait(done.name) if wait else done
    # Published again: something was built on it meanwhile.
    _finish(ended, reverted=True)


def _finish(submission: "Submission", *, reverted: bool = False) -> None:
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    print_record(submission_record(submission))
    stayed = reverted and submission.state == submission.STATE_PUBLISHED
    if stayed or (failed(submission) and not reverted):
        from lumbung.cli.failures import JOB_FAILED  # noqa: PLC0415

        raise typer.Exit(JOB_FAILED)


@app.command("report")
def _report(
    identifier: _Id,
    to: Annotated[Path, typer.Option(help="The file to write: .html, .xlsx or .json.", dir_okay=False)],
) -> None:
    """Downloads the validation report."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        path = client.submissions.download_report(full_name(identifier), to)
    print_record({"file": str(path), "bytes": path.stat().st_size})


@app.command("bad-rows")
def _bad_rows(
    identifier: _Id,
    to: Annotated[Path, typer.Option(help="The file to write: .csv or .xlsx.", dir_okay=False)],
) -> None:
    """Downloads the rows that are left to be mended, to be uploaded with --correction-of."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        path = client.submissions.download_bad_rows(full_name(identifier), to)
    print_record({"file": str(path), "bytes": path.stat().st_size})


@app.command("diff")
def _diff(
    identifier: _Id,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows one by one.")] = 20,
) -> None:
    """Shows what it changes in the dataset: rows and control totals, before and after."""
    from lumbung.cli.context import options  # noqa: PLC0415
    from lumbung.cli.printing import message_dict, print_record, print_rows  # noqa: PLC0415

    with open_client() as client:
        found = message_dict(client.submissions.compare(full_name(identifier), limit))
    for row in found["rows"]:
        row["kind"] = row["kind"].removeprefix("KIND_")
        row["values"] = {entry["column"]: [entry["before"], entry["after"]] for entry in row["values"]}
    if options.json:
        print_record(found)
        return
    print_record({name: value for name, value in found.items() if name not in {"rows", "totals"}})
    print_rows(found["totals"], ["name", "before", "after"])
    print_rows(found["rows"], ["kind", "key", "values"])
