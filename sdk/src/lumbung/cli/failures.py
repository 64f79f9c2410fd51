"""Exit codes and sentences of failures."""

import json
import sys

import typer
from typer.exceptions import TyperException

from lumbung.cli.context import OutputFormat, options
from lumbung.errors import ApiError

__all__ = ["JOB_FAILED", "report"]

JOB_FAILED = 9
INTERRUPTED = 130
_CODES = {
    "UNAUTHENTICATED": 3,
    "PERMISSION_DENIED": 4,
    "NOT_FOUND": 5,
    "INVALID_ARGUMENT": 6,
    "FAILED_PRECONDITION": 6,
    "ALREADY_EXISTS": 6,
    "OUT_OF_RANGE": 6,
    "UNAVAILABLE": 7,
    "DEADLINE_EXCEEDED": 7,
    "ABORTED": 7,
    "RESOURCE_EXHAUSTED": 8,
}


def report(error: BaseException) -> int:
    """Prints a failure to standard error and returns the exit code."""
    if isinstance(error, ApiError):
        return _print(error, _CODES.get(error.code, 1))
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, TyperException):
        return _print(ApiError(code="USAGE", reason="USAGE", message=error.format_message()), 2)
    if isinstance(error, OSError):
        name = error.filename or "-"
        return _print(ApiError(code="FILE", reason="FILE", message=f"{name}: {error.strerror or error}."), 6)
    return _print(
        ApiError(code="INTERNAL", reason=type(error).__name__, message=str(error) or repr(error)), 1
    )


def _print(error: ApiError, exit_code: int) -> int:
    if options.output is OutputFormat.JSON:
        told = {
            "error": {
                "code": error.code,
                "reason": error.reason,
                "message": error.message,
                "field": error.field,
                "trace_id": error.trace_id,
                "exit_code": exit_code,
            }
        }
        sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"lumbung: {error.message}\n")
        if error.trace_id:
            sys.stderr.write(f"         trace {error.trace_id}\n")
    return exit_code
