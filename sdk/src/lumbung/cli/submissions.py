"""`lumbung submissions`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumbung.cli.context import open_client

if TYPE_CHECKING:
    from lumbung.ingest.v1.submission_service_pb2 import Submission

__all__ = ["app", "failed", "submission_record"]

app = typer.Typer(name="submissions", help="What became of uploaded files.", no_args_is_help=True)


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


def _full_name(identifier: str) -> str:
    return identifier if identifier.startswith("submissions/") else f"submissions/{identifier}"


@app.command("show")
def _show(identifier: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Shows a submission."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        print_record(submission_record(client.uploads.get(_full_name(identifier))))


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
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
) -> None:
    """Lists what is wrong: row, column, value, rule and remedy."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [message_dict(finding) for finding in client.uploads.findings(_full_name(identifier), limit)]
    for row in rows:
        row["severity"] = row["severity"].removeprefix("SEVERITY_")
    print_rows(rows, ["row", "column", "value", "rule", "message", "remedy"])
