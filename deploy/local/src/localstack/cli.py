"""`python -m localstack up|down|status|reset|env`."""

import argparse
import os
import sys

from localstack.errors import SetupError
from localstack.settings import load_settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a problem that the user has to mend, 2 wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except BrokenPipeError:
        # The reader of our output left (`make up | head`): the stack goes on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the stack goes on in the background\n")
        return 130


def _run(options: argparse.Namespace) -> int:
    # Imported here, so that `--help` and wrong arguments answer at once.
    from localstack import commands  # noqa: PLC0415

    settings = load_settings()
    if options.command == "up":
        only = tuple(options.only.split(",")) if options.only else ()
        return commands.up(settings, only=only, timeout=options.timeout)
    if options.command == "status":
        return commands.show_status(settings, as_json=options.json)
    plain = {"down": commands.down, "reset": commands.reset, "env": commands.show_environment}
    return plain[options.command](settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localstack", description="The whole platform on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "up", help="start what does not run, heal what is broken, wait until all is ready"
    )
    up.add_argument("--only", default="", help="comma-separated parts (with what they need)")
    up.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for all parts")
    commands.add_parser("down", help="end what the stack started")
    status = commands.add_parser("status", help="state, memory, restarts and golden signals of every part")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("reset", help="down, then delete the data folder")
    commands.add_parser("env", help="shell exports for clients")
    return parser
