"""`lumbung contracts`."""

from pathlib import Path
from typing import Annotated

import typer

from lumbung.cli.context import open_client, options

__all__ = ["app"]

app = typer.Typer(name="contracts", help="What a dataset promises.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What a dataset promises."""


@app.command("propose")
def _propose(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    dataset: Annotated[str, typer.Option(help="The dataset that the draft names; it need not exist.")],
) -> None:
    """Drafts a declaration from a file: types, keys, number and date style, and what is not certain, as comments."""
    from lumbung.cli.printing import message_dict, note, print_record  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    with open_client() as client:
        answer = client.contracts.propose(file, dataset)
    if options.json:
        print_record(message_dict(answer))
        return
    typer.echo(answer.declaration, nl=False)
    note(say("drafted", rows=answer.rows_read, bad=answer.rows_bad, doubts=len(answer.doubts)))


@app.command("check")
def _check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
) -> None:
    """Says what a changed declaration would break, and for whom, before it is applied."""
    from lumbung.cli.printing import message_dict, note, print_record, print_rows  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    with open_client() as client:
        answer = client.catalog.check_dataset(file.read_text(encoding="utf-8"))
    plain = message_dict(answer)
    for change in plain["changes"]:
        change["concern"] = change["concern"].removeprefix("CONCERN_").lower()
    if options.json:
        print_record(plain)
        return
    print_rows(plain["changes"], ["path", "concern", "text"])
    if not answer.revision:
        note(say("dataset_is_new", dataset=answer.dataset))
        return
    note(say("dataset_readers", readers=", ".join(answer.readers) or "-", hidden=answer.hidden_readers))
