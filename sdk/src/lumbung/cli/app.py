"""Puts the commands together. Only the command that is asked for is loaded: help has to be quick."""

import importlib
from typing import Annotated

import typer

from lumbung.cli.context import OutputFormat, options

__all__ = ["build_app"]

_EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not signed in, 4 not allowed, 5 not found, 6 wrong input, "
    "7 not available, 8 over a limit, 9 the submission or run itself failed, 130 interrupted."
)

# Command: the module of `lumbung.cli` that has it, as a group `app` or by `register(app)`.
_COMMANDS = {
    "login": "login",
    "logout": "login",
    "upload": "upload",
    "submissions": "submissions",
    "contracts": "contracts",
    "sources": "sources",
    "datasets": "datasets",
    "search": "search",
    "sql": "sql",
    "pipelines": "pipelines",
    "runs": "runs",
    "lineage": "lineage",
    "models": "models",
    "audit": "audit",
    "apply": "apply",
    "status": "status",
    "doctor": "doctor",
    "trace": "trace",
}


def _options(
    gateway: Annotated[str, typer.Option(help="Address of the gateway, host:port or URL.")] = "",
    output: Annotated[
        OutputFormat | None,
        typer.Option("--output", "-o", help="How to print; table unless LUMBUNG_OUTPUT says json."),
    ] = None,
    language: Annotated[str, typer.Option(help="Language of messages: id or en.")] = "",
) -> None:
    options.gateway = gateway
    options.set_language(language)
    options.set_output(output)


def build_app(arguments: list[str]) -> typer.Typer:
    """The command line for `arguments`, whose first word names the command; all commands when it names none."""
    app = typer.Typer(
        name="lumbung",
        help="Lumbung: the state treasury's data platform.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    wanted = arguments[0] if arguments else ""
    # A group of one command would take its name for an argument, so there are always two.
    modules = dict.fromkeys([_COMMANDS[wanted], "login"] if wanted in _COMMANDS else _COMMANDS.values())
    for name in modules:
        module = importlib.import_module(f"lumbung.cli.{name}")
        if hasattr(module, "register"):
            module.register(app)
        else:
            app.add_typer(module.app)
    return app
