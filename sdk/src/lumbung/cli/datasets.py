"""`lumbung datasets`."""

from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["app"]

app = typer.Typer(name="datasets", help="The tables of the platform.", no_args_is_help=True)


@app.command("list")
def _list() -> None:
    """Lists the datasets that you may know about."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        found = client.catalog.list_datasets()
    rows = [
        {
            "dataset": entry.name.removeprefix("datasets/"),
            "rows": entry.latest_snapshot.rows if entry.HasField("latest_snapshot") else None,
            "owner": entry.owner,
            "tags": list(entry.tags),
            "display_name": entry.display_name,
            "latest_snapshot": message_dict(entry.latest_snapshot)
            if entry.HasField("latest_snapshot")
            else None,
        }
        for entry in found
    ]
    print_rows(rows, ["dataset", "rows", "owner", "tags", "display_name"])


@app.command("show")
def _show(
    dataset: Annotated[str, typer.Argument()],
    snapshots: Annotated[int, typer.Option(min=0, max=1000, help="So many snapshots, newest first.")] = 5,
) -> None:
    """Shows a dataset with its columns and snapshots."""
    from lumbung.cli.printing import message_dict, print_record  # noqa: PLC0415

    with open_client() as client:
        found = client.catalog.get_dataset(dataset)
        history = client.catalog.list_snapshots(dataset, snapshots) if snapshots else []
    plain = message_dict(found)
    del plain["declaration"]
    plain["snapshots"] = [message_dict(entry) for entry in history]
    print_record(plain)
