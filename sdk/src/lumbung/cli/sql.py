"""`lumbung sql`."""

import sys
from typing import Annotated

import typer

from lumbung.cli.context import OutputFormat, open_client, options

__all__ = ["register"]


def _sql(
    query: Annotated[str, typer.Argument(help="One SELECT; tables are dataset ids.")],
    max_rows: Annotated[
        int, typer.Option(min=0, help="Stop after so many rows; 0: the platform's limit.")
    ] = 1000,
    purpose: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
) -> None:
    """Runs a query and prints its rows."""
    from lumbung.cli.printing import message_dict, print_record, print_rows  # noqa: PLC0415

    with open_client() as client:
        result = client.queries.run(query, max_rows=max_rows, purpose=purpose)
        trace_id = client.trace_id
    rows = result.table.to_pylist()
    if options.output is OutputFormat.JSON:
        print_record({"rows": rows, "summary": message_dict(result.summary), "trace_id": trace_id})
        return
    print_rows(rows, result.table.column_names)
    for table in result.summary.tables:
        withheld = "; rows withheld by policy" if table.rows_withheld else ""
        masked = f"; masked: {', '.join(table.masked_columns)}" if table.masked_columns else ""
        sys.stderr.write(f"{table.dataset} as of {table.as_of}{withheld}{masked}\n")
    if result.summary.truncated:
        sys.stderr.write(f"cut after {result.summary.rows} rows; ask for more with --max-rows\n")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("sql")(_sql)
