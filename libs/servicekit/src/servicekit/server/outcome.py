"""How a call ended, and what its caller is told."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.rpc import status_pb2

from servicekit.errors import LumbungError
from servicekit.errors.status import internal_status, status_from_error, unimplemented_status
from servicekit.postgres import unavailable
from servicekit.telemetry import current_trace_id, get_logger

__all__ = ["Outcome", "outcome_of"]

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any] | None"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is "OK" or a gRPC code's name; `status` goes to the caller; `raised` is left to gRPC as it is."""

    code: str
    status: status_pb2.Status | None = None
    raised: BaseException | None = None


def outcome_of(error: Exception, context: _Context, method: str, language: str) -> Outcome:
    """The outcome of a call that raised. The unexpected is logged here and hidden from the caller."""
    trace_id = current_trace_id()
    if isinstance(error, grpc.aio.AbortError):
        return Outcome(_set_code(context), raised=error)
    if isinstance(error, NotImplementedError):
        return Outcome("UNIMPLEMENTED", unimplemented_status(method, language, trace_id))
    known = error if isinstance(error, LumbungError) else unavailable(error)
    if known is None:
        _log.error("call failed unexpectedly", method=method, exc_info=error)
        return Outcome("INTERNAL", internal_status(language, trace_id))
    if known.code == "INTERNAL" or known is not error:
        _log.error("call failed", method=method, exc_info=error)
    return Outcome(known.code, status_from_error(known, language, trace_id))


def _set_code(context: _Context) -> str:
    """The code that a servicer gave to `context.abort`."""
    code = context.code() if context is not None else None
    for known in grpc.StatusCode:
        if code in (known, known.value[0]):
            return known.name
    return "UNKNOWN"
