"""`lumbung runs`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumbung.cli.context import open_client, options

if TYPE_CHECKING:
    from lumbung.client import Client
    from lumbung.compute.v1.pipeline_service_pb2 import Run

__all__ = ["app", "exit_code", "run_record", "watch"]

app = typer.Typer(name="runs", help="Executions of pipelines.", no_args_is_help=True)


def run_record(run: "Run") -> dict[str, Any]:
    """A run as plain data."""
    from lumbung.cli.printing import message_dict  # noqa: PLC0415

    plain = message_dict(run)
    plain["state"] = plain["state"].removeprefix("STATE_")
    plain["rows_written"] = {name: int(rows) for name, rows in plain["rows_written"].items()}
    return plain


def watch(client: "Client", name: str) -> "Run":
    """Waits for a run and shows its progress."""
    from lumbung.cli.progress import Progress  # noqa: PLC0415

    with Progress(name) as progress:
        return client.pipelines.wait(
            name,
            progress=lambda now: progress.update(now.tasks_done, now.tasks_total, f"{now.tasks_done} tasks"),
        )


def exit_code(run: "Run") -> int:
    """The exit code that tells a failed or cancelled run."""
    from lumbung.cli.failures import JOB_FAILED  # noqa: PLC0415

    return JOB_FAILED if run.state in {run.STATE_FAILED, run.STATE_CANCELLED} else 0


@app.command("list")
def _list(
    pipeline: Annotated[str, typer.Option(help="Only of this pipeline.")] = "-",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """Lists runs, newest first."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [run_record(run) for run in client.pipelines.list_runs(pipeline, limit)]
    print_rows(rows, ["name", "state", "tasks_done", "tasks_total", "rows_written", "create_time"])


@app.command("show")
def _show(name: Annotated[str, typer.Argument(metavar="ID", help="pipelines/NAME/runs/ID")]) -> None:
    """Shows a run."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        print_record(run_record(client.pipelines.get_run(name)))


@app.command("logs")
def _logs(
    name: Annotated[str, typer.Argument(metavar="ID", help="pipelines/NAME/runs/ID")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the run ends.")] = False,
) -> None:
    """Prints a run's log; as JSON one object a line."""
    from lumbung.cli.printing import message_dict, print_lines  # noqa: PLC0415

    with open_client() as client:
        for line in client.pipelines.log(name, follow=follow):
            if options.json:
                sys.stdout.write(json.dumps(message_dict(line), ensure_ascii=False) + "\n")
            else:
                print_lines([f"{line.time.ToJsonString()} {line.level:7} {line.text}"])
            if follow:
                sys.stdout.flush()


@app.command("wait")
def _wait(name: Annotated[str, typer.Argument(metavar="ID", help="pipelines/NAME/runs/ID")]) -> None:
    """Waits until a run ends."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        run = watch(client, name)
    print_record(run_record(run))
    if code := exit_code(run):
        raise typer.Exit(code)


@app.command("cancel")
def _cancel(name: Annotated[str, typer.Argument(metavar="ID", help="pipelines/NAME/runs/ID")]) -> None:
    """Ends a run before its time."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415

    with open_client() as client:
        print_record(run_record(client.pipelines.cancel(name)))
