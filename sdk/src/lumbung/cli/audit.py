"""`lumbung audit`."""

from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["app"]

app = typer.Typer(name="audit", help="Who did what.", no_args_is_help=True)


@app.command("list")
def _list(
    resource: Annotated[str, typer.Option(help="Only on this resource, for example datasets/NAME.")] = "",
    username: Annotated[str, typer.Option(help="Only by this account.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """Lists audit entries, newest first."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [
            message_dict(entry)
            for entry in client.catalog.list_audit_entries(resource=resource, username=username, limit=limit)
        ]
    print_rows(rows, ["sequence", "time", "username", "action", "resource", "outcome"])


@app.command("verify")
def _verify() -> None:
    """Recomputes the hash chain of the whole log."""
    from lumbung.cli.printing import message_dict, print_record  # noqa: PLC0415

    with open_client() as client:
        answer = client.catalog.verify_audit_log()
    print_record(message_dict(answer))
    if not answer.intact:
        raise typer.Exit(1)
