"""Puts the commands together, and turns every failure into a sentence and an exit code."""

import sys
from typing import Annotated

import typer

from lumbung.cli import (
    apply,
    audit,
    datasets,
    lineage,
    login,
    models,
    pipelines,
    runs,
    search,
    sql,
    status,
    submissions,
    trace,
    upload,
)
from lumbung.cli.context import OutputFormat, options

__all__ = ["app", "main"]

_EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not signed in, 4 not allowed, 5 not found, 6 wrong input, "
    "7 not available, 8 over a limit, 9 the submission or run itself failed, 130 interrupted."
)

app = typer.Typer(
    name="lumbung",
    help="Lumbung: the state treasury's data platform.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _global(
    gateway: Annotated[str, typer.Option(help="Address of the gateway, host:port or URL.")] = "",
    output: Annotated[
        OutputFormat, typer.Option("--output", "-o", help="How to print.")
    ] = OutputFormat.TABLE,
    language: Annotated[str, typer.Option(help="Language of messages: id or en.")] = "",
) -> None:
    options.gateway = gateway
    options.set_output(output)
    options.set_language(language)


login.register(app)
upload.register(app)
app.add_typer(submissions.app)
app.add_typer(datasets.app)
search.register(app)
sql.register(app)
app.add_typer(pipelines.app)
app.add_typer(runs.app)
lineage.register(app)
app.add_typer(models.app)
app.add_typer(audit.app)
apply.register(app)
status.register(app)
trace.register(app)


def _hoist_output(arguments: list[str]) -> list[str]:
    """Lets `--output`, `--language` and `--gateway` stand anywhere on the line."""
    front: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument in {"--output", "-o", "--language", "--gateway"} and position + 1 < len(arguments):
            front += arguments[position : position + 2]
            position += 2
        elif argument.startswith(("--output=", "--language=", "--gateway=")):
            front.append(argument)
            position += 1
        else:
            rest.append(argument)
            position += 1
    return front + rest


def main() -> None:
    """Entry point."""
    from lumbung.cli.failures import report  # noqa: PLC0415

    try:
        code = app(args=_hoist_output(sys.argv[1:]), standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 (the last stop: a person gets a sentence, a program gets JSON)
        sys.exit(report(error))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
