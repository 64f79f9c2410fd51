"""`lumbung trace`."""

import sys
from typing import Annotated

import typer

from lumbung.cli.context import OutputFormat, options

__all__ = ["register"]


def _trace(trace_id: Annotated[str, typer.Argument(metavar="ID", help="32 hexadecimal digits.")]) -> None:
    """Prints the tree of one trace with times, from the local stack's own store."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.traces import fetch_trace, render_tree  # noqa: PLC0415

    spans = fetch_trace(trace_id)
    if options.output is OutputFormat.JSON:
        print_record({"trace_id": trace_id, "spans": spans})
        return
    for line in render_tree(spans):
        sys.stdout.write(line + "\n")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("trace")(_trace)
