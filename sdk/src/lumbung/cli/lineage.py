"""`lumbung lineage`."""

from typing import Annotated

import typer

from lumbung.cli.context import open_client, options

__all__ = ["register"]


def _lineage(
    name: Annotated[str, typer.Argument(help="A dataset id, or models/NAME/versions/N.")],
    depth: Annotated[int, typer.Option(min=1, max=50)] = 10,
) -> None:
    """Shows where a dataset or model comes from and where it goes."""
    from lumbung.cli.printing import message_dict, note, print_record, print_rows  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    asset = name if "/" in name else f"datasets/{name}"
    with open_client() as client:
        answer = client.catalog.lineage(asset, depth)
    rows = [
        {**message_dict(edge), "source": edge.source_label or edge.source, "source_asset": edge.source}
        for edge in answer.edges
    ]
    if options.json:
        print_record({"edges": rows, "hidden_assets": answer.hidden_assets})
        return
    print_rows(rows, ["source", "target", "process"])
    if answer.hidden_assets:
        note(say("hidden_assets", count=answer.hidden_assets))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("lineage")(_lineage)
