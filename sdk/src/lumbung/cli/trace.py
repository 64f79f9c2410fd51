"""`lumbung trace`."""

from typing import Annotated

import typer

from lumbung.cli.context import options

__all__ = ["register"]


def _trace(trace_id: Annotated[str, typer.Argument(metavar="ID", help="32 hexadecimal digits.")]) -> None:
    """Prints the tree of one trace with times, from the local stack's own store."""
    from lumbung.cli.printing import print_lines, print_record  # noqa: PLC0415
    from lumbung.traces import fetch_trace, render_tree  # noqa: PLC0415

    spans = fetch_trace(trace_id)
    if options.json:
        print_record({"trace_id": trace_id, "spans": spans})
        return
    print_lines(render_tree(spans))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("trace")(_trace)
