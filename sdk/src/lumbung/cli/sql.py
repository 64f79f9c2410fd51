"""`lumbung sql`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lumbung.cli.context import open_client, options

if TYPE_CHECKING:
    from lumbung.compute.v1.query_service_pb2 import QuerySummary

__all__ = ["register"]


def _sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT; tables are dataset ids. `-` reads it from input.")
    ],
    max_rows: Annotated[
        int, typer.Option(min=0, help="Stop after so many rows; 0: the platform's limit.")
    ] = 1000,
    purpose: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
) -> None:
    """Runs a query and prints its rows."""
    from lumbung.cli.arrow_rows import column_names, rows  # noqa: PLC0415
    from lumbung.cli.printing import message_dict, print_record, print_rows  # noqa: PLC0415
    from lumbung.cli.progress import Progress  # noqa: PLC0415

    text = sys.stdin.read() if query == "-" else query
    with open_client() as client, Progress("query"):
        result = client.queries.run(text, max_rows=max_rows, purpose=purpose)
        trace_id = client.trace_id
    if options.json:
        summary = message_dict(result.summary)
        print_record({"rows": rows(result.table), "summary": summary, "trace_id": trace_id})
        return
    print_rows(rows(result.table), column_names(result.table))
    _tell(result.summary)


def _tell(summary: "QuerySummary") -> None:
    """What the rows stand on."""
    from lumbung.cli.printing import note  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    for table in summary.tables:
        parts = [say("as_of", dataset=table.dataset, time=table.as_of)]
        if table.rows_withheld:
            parts.append(say("rows_withheld"))
        if table.masked_columns:
            parts.append(say("masked", columns=", ".join(table.masked_columns)))
        note("; ".join(parts))
    if summary.truncated:
        note(say("cut", rows=summary.rows))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("sql")(_sql)
