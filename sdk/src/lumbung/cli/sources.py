"""`lumbung sources`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumbung.cli.context import open_client

if TYPE_CHECKING:
    from lumbung.client import Client
    from lumbung.ingest.v1.source_service_pb2 import Source, SourceRun

__all__ = ["app"]

app = typer.Typer(name="sources", help="Systems that the platform reads by itself.", no_args_is_help=True)
_Run = Annotated[str, typer.Argument(metavar="ID", help="sources/NAME/runs/ID")]


def _source_record(source: "Source") -> dict[str, Any]:
    from lumbung.cli.printing import message_dict  # noqa: PLC0415

    return message_dict(source)


def _run_record(run: "SourceRun") -> dict[str, Any]:
    from lumbung.cli.printing import message_dict  # noqa: PLC0415

    plain = message_dict(run)
    plain["state"] = plain["state"].removeprefix("STATE_")
    plain["duration"] = f"{run.duration.ToTimedelta().total_seconds():.1f} s"
    plain["rule_counts"] = {entry["rule"]: int(entry["rows"]) for entry in plain["rule_counts"]}
    return plain


def _watch(client: "Client", name: str) -> "SourceRun":
    from lumbung.cli.progress import Progress  # noqa: PLC0415

    with Progress(name) as progress:
        return client.sources.wait(
            name, progress=lambda now: progress.update(0, 0, f"{now.rows_read} rows, {now.commits} commits")
        )


def _show_end(run: "SourceRun", **more: str) -> None:
    """Prints a run; the exit code tells one that failed or was cancelled."""
    from lumbung.cli.failures import JOB_FAILED  # noqa: PLC0415
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    print_record({**_run_record(run), **more})
    if run.state in {run.STATE_FAILED, run.STATE_CANCELLED}:
        raise typer.Exit(JOB_FAILED)


@app.command("list")
def _list() -> None:
    """Lists sources."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [_source_record(entry) for entry in client.sources.list_sources()]
    print_rows(rows, ["name", "type", "dataset", "revision", "watermark", "description"])


@app.command("show")
def _show(name: Annotated[str, typer.Argument(help="NAME, or sources/NAME/runs/ID for a run.")]) -> None:
    """Shows a source or a run."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        if "/runs/" in name:
            print_record(_run_record(client.sources.get_run(name)))
        else:
            print_record(_source_record(client.sources.get(name.removeprefix("sources/"))))


@app.command("run")
def _start(
    name: Annotated[str, typer.Argument()],
    full: Annotated[bool, typer.Option("--full", help="Read everything anew and replace the rows.")] = False,
    request_id: Annotated[str, typer.Option(help="The same id gives the same run.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait until it ends.")] = True,
) -> None:
    """Reads a source."""
    with open_client() as client:
        run = client.sources.run(name.removeprefix("sources/"), full=full, request_id=request_id)
        if wait:
            run = _watch(client, run.name)
        _show_end(run, client_trace_id=client.trace_id)


@app.command("runs")
def _runs(
    source: Annotated[str, typer.Option(help="Only of this source.")] = "-",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """Lists runs, newest first."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [_run_record(run) for run in client.sources.list_runs(source, limit)]
    print_rows(
        rows,
        ["name", "state", "rows_read", "rows_good", "rows_bad", "rows_deleted", "duration", "create_time"],
    )


@app.command("wait")
def _wait(name: _Run) -> None:
    """Waits until a run ends."""
    with open_client() as client:
        _show_end(_watch(client, name))


@app.command("cancel")
def _cancel(name: _Run) -> None:
    """Ends a run before its time; what it has committed stays."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        print_record(_run_record(client.sources.cancel(name)))


@app.command("retry")
def _retry(
    name: _Run,
    wait: Annotated[bool, typer.Option(help="Wait until it ends.")] = True,
) -> None:
    """Takes up a failed or cancelled run where its last commit left it."""
    with open_client() as client:
        run = client.sources.retry(name)
        _show_end(_watch(client, run.name) if wait else run)
