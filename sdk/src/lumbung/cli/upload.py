"""`lumbung upload`."""

from pathlib import Path
from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["register"]


def _upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    dataset: Annotated[str, typer.Option(help="The dataset it is for.")],
    request_id: Annotated[str, typer.Option(help="The same id goes on with the same upload.")] = "",
    correction_of: Annotated[
        str, typer.Option(help="The submission whose bad rows the file mends.", metavar="ID")
    ] = "",
    wait: Annotated[
        bool, typer.Option(help="Wait until it is published, or waits for a second person.")
    ] = True,
) -> None:
    """Uploads a file to a dataset and shows what became of it."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.cli.progress import Progress  # noqa: PLC0415
    from lumbung.cli.submissions import failed, full_name, submission_record  # noqa: PLC0415

    with open_client() as client:
        with Progress(f"upload {file.name}") as progress:
            submission = client.uploads.send(
                file,
                dataset,
                request_id=request_id,
                correction_of=full_name(correction_of) if correction_of else "",
                progress=progress.update,
            )
            if wait:
                submission = client.uploads.wait(
                    submission.name,
                    progress=lambda now: progress.update(0, 0, submission_record(now)["state"].lower()),
                )
        print_record({**submission_record(submission), "trace_id": client.trace_id})
    if failed(submission):
        from lumbung.cli.failures import JOB_FAILED  # noqa: PLC0415

        raise typer.Exit(JOB_FAILED)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("upload")(_upload)
