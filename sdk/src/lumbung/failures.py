"""Reads why a call failed."""

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["api_error"]

# What a proxy or gRPC itself says has no reason and no remedy, and is no sentence: code, reason, sentence.
_BARE = {
    "UNAVAILABLE": ("GATEWAY_UNAVAILABLE", "no_answer"),
    "UNAUTHENTICATED": ("NOT_SIGNED_IN", "not_signed_in"),
    "PERMISSION_DENIED": ("NOT_ALLOWED", "not_allowed"),
    "DEADLINE_EXCEEDED": ("TOO_SLOW", "too_slow"),
}


def api_error(error: grpc.RpcError) -> ApiError:
    """The error of a failed call, with the details that came with it."""
    result = ApiError(code=error.code().name, message=error.details() or error.code().name)
    result.__cause__ = error
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # details that contradict the call's own status are not believed
        status = None
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            result.reason = info.reason
            result.metadata = dict(info.metadata)
            result.trace_id = result.metadata.pop("trace_id", "")
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            result.field = bad.field_violations[0].field if bad.field_violations else ""
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            result.retry_after_seconds = retry.retry_delay.ToNanoseconds() / 1e9
    if not result.reason and result.code in _BARE:
        result.reason, sentence = _BARE[result.code]
        if not result.message.endswith("."):
            result.message = say(sentence, cause=result.message)
    return result
