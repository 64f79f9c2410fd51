"""`python -m localstack up|down|status|reset|env|backup|restore`."""

import argparse
import os
import sys
from pathlib import Path

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
    only = tuple(options.only.split(",")) if getattr(options, "only", "") else ()
    if options.command == "up":
        return commands.up(settings, only=only, timeout=options.timeout)
    if options.command == "status":
        return commands.show_status(settings, as_json=options.json)
    if options.command in ("backup", "restore"):
        from localstack import backups  # noqa: PLC0415

        if options.command == "backup":
            return backups.backup(settings, options.to)
        return backups.restore(settings, options.source, only=only, timeout=options.timeout)
    plain = {"down": commands.down, "reset": commands.reset, "env": commands.show_environment}
    return plain[options.command](settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localstack", description="The whole platform on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "up", help="start what does not run, heal what is broken, wait until all is ready"
    )
    commands.add_parser("down", help="end what the stack started")
    status = commands.add_parser("status", help="state, memory, restarts and golden signals of every part")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("reset", help="down, then delete the data folder")
    commands.add_parser("env", help="shell exports for clients")
    backup = commands.add_parser("backup", help="copy databases, bucket and secrets while the stack runs")
    backup.add_argument("--to", type=Path, required=True, help="folder of backups; one more is made in it")
    restore = commands.add_parser("restore", help="make and start a stack from a backup, where there is none")
    restore.add_argument("--from", dest="source", type=Path, required=True, help="folder of one backup")
    for command in (up, restore):
        command.add_argument("--only", default="", help="comma-separated parts (with what they need)")
        command.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for all parts")
    return parser
