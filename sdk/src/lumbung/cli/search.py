"""`lumbung search`."""

from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["register"]


def _search(
    words: Annotated[list[str], typer.Argument(help="Indonesian or English, in any form.")],
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """Finds datasets and terms by what they are about."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        answer = client.catalog.search(" ".join(words), limit)
    print_rows([message_dict(hit) for hit in answer.hits], ["name", "display_name", "snippet"])


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("search")(_search)
