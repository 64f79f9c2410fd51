"""Exit codes and sentences of failures."""

import contextlib
import json
import sys

import typer
from typer.exceptions import TyperException

from lumbung.cli.context import options
from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["JOB_FAILED", "report"]

USAGE = 2
WRONG_INPUT = 6
JOB_FAILED = 9
INTERRUPTED = 130
_CODES = {
    "USAGE": USAGE,
    "UNAUTHENTICATED": 3,
    "PERMISSION_DENIED": 4,
    "NOT_FOUND": 5,
    "FILE": WRONG_INPUT,
    "INVALID_ARGUMENT": WRONG_INPUT,
    "FAILED_PRECONDITION": WRONG_INPUT,
    "ALREADY_EXISTS": WRONG_INPUT,
    "OUT_OF_RANGE": WRONG_INPUT,
    "UNAVAILABLE": 7,
    "DEADLINE_EXCEEDED": 7,
    "ABORTED": 7,
    "RESOURCE_EXHAUSTED": 8,
}


def report(error: Exception) -> int:
    """Prints a failure to standard error and returns the exit code."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    failure = _as_api_error(error)
    exit_code = _CODES.get(failure.code, 1)
    # There may be nobody left to tell; the exit code still does.
    with contextlib.suppress(OSError):
        sys.stderr.write(_json(failure, exit_code) if options.json else _sentence(failure))
    return exit_code


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, TyperException):
        return ApiError(code="USAGE", reason="USAGE", message=_usage(error))
    if isinstance(error, OSError) and error.filename is not None:
        return ApiError(code="FILE", reason="FILE", message=f"{error.filename}: {error.strerror or error}.")
    if isinstance(error, UnicodeDecodeError):
        return ApiError(code="FILE", reason="NOT_TEXT", message=say("not_text", cause=error))
    cause = f"{type(error).__name__}: {error}" if str(error) else repr(error)
    return ApiError(code="INTERNAL", reason=type(error).__name__, message=say("unexpected", cause=cause))


def _usage(error: TyperException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None or "\n" in message:  # a group without a command says its whole help
        return message
    return f"{message} {say('see_help', command=context.command_path)}"


def _json(error: ApiError, exit_code: int) -> str:
    told = {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "field": error.field,
        "trace_id": error.trace_id,
        "exit_code": exit_code,
    }
    return json.dumps({"error": told}, ensure_ascii=False) + "\n"


def _sentence(error: ApiError) -> str:
    trace = f"         trace {error.trace_id}\n" if error.trace_id else ""
    return f"lumbung: {error.message}\n{trace}"
