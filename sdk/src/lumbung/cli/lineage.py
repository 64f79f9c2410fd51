"""`lumbung lineage`."""

import sys
from typing import Annotated

import typer

from lumbung.cli.context import OutputFormat, open_client, options

__all__ = ["register"]


def _lineage(
    name: Annotated[str, typer.Argument(help="A dataset id, or models/NAME/versions/N.")],
    depth: Annotated[int, typer.Option(min=1, max=50)] = 10,
) -> None:
    """Shows where a dataset or model comes from and where it goes."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    asset = name if "/" in name else f"datasets/{name}"
    with open_client() as client:
        answer = client.catalog.lineage(asset, depth)
    rows = [
        {**message_dict(edge), "source": edge.source_label or edge.source, "source_asset": edge.source}
        for edge in answer.edges
    ]
    print_rows(rows, ["source", "target", "process"])
    if answer.hidden_assets and options.output is OutputFormat.TABLE:
        sys.stderr.write(f"{answer.hidden_assets} more assets are hidden from you\n")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("lineage")(_lineage)
