"""The entry point: runs a command, and turns every failure into a sentence and an exit code."""

import os
import sys

__all__ = ["main"]

INTERRUPTED = 130


def main() -> None:
    """Runs the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code. Nothing that happens ends in a stack trace."""
    for output in (sys.stdout, sys.stderr):
        reconfigure = getattr(output, "reconfigure", None)
        if reconfigure is not None:  # a character that the terminal cannot show is no reason to fail
            reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`). Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(arguments: list[str]) -> int:
    # Imported here and not above, so that an interrupt while they load is met as well.
    from lumbung.cli.app import build_app  # noqa: PLC0415
    from lumbung.cli.arguments import hoist, peek  # noqa: PLC0415

    front, rest = hoist(arguments)
    try:
        peek(front)
        code = build_app(rest)(args=[*front, *rest], prog_name="lumbung", standalone_mode=False)
    except BrokenPipeError:
        raise
    except SystemExit as end:  # the parser ends the process itself when the pipe breaks
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        raise
    except Exception as error:  # noqa: BLE001 (the last stop: a person gets a sentence, a program gets JSON)
        from lumbung.cli.failures import report  # noqa: PLC0415

        return report(error)
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
