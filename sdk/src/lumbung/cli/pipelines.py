"""`lumbung pipelines`."""

from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["app"]

app = typer.Typer(name="pipelines", help="Declared transformations.", no_args_is_help=True)


@app.command("list")
def _list() -> None:
    """Lists pipelines."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [message_dict(entry) for entry in client.pipelines.list_pipelines()]
    print_rows(rows, ["name", "revision", "sources", "sinks", "description"])


@app.command("run")
def _run(
    name: Annotated[str, typer.Argument()],
    request_id: Annotated[str, typer.Option(help="The same id gives the same run.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait until it ends.")] = True,
) -> None:
    """Runs a pipeline."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.cli.runs import exit_code, run_record, watch  # noqa: PLC0415

    with open_client() as client:
        run = client.pipelines.run(name, request_id=request_id)
        if wait:
            run = watch(client, run.name)
        print_record({**run_record(run), "client_trace_id": client.trace_id})
    if code := exit_code(run):
        raise typer.Exit(code)
