"""`lumbung apply`."""

from pathlib import Path
from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["register"]


def _apply(
    path: Annotated[Path, typer.Argument(exists=True, help="A declaration, or a folder of them.")],
) -> None:
    """Loads declarations: datasets, policies, sources, pipelines, glossary terms."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415
    from lumbung.declarations import apply_declarations, read_declarations  # noqa: PLC0415

    declarations = read_declarations(path)
    with open_client() as client:
        applied = apply_declarations(client, declarations)
    print_rows(applied, ["kind", "name", "revision", "file"])


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("apply")(_apply)
