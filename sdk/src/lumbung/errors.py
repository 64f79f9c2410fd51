"""Errors of the API, as a program and a person want them."""

import dataclasses

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

__all__ = ["ApiError", "api_error"]


@dataclasses.dataclass
class ApiError(Exception):
    """A call that failed.

    `code` is the gRPC code's name, `reason` a stable word, `message` says what is wrong and what to do in the
    caller's language, `field` names the wrong field of the request if there is one.
    """

    code: str
    message: str
    reason: str = ""
    field: str = ""
    trace_id: str = ""
    retry_after_seconds: float | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


def api_error(error: grpc.RpcError) -> ApiError:
    """Reads the details of a failed call."""
    result = ApiError(code=error.code().name, message=error.details() or error.code().name)
    status = rpc_status.from_call(error)
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
    if result.code == "UNAVAILABLE" and not result.reason:
        result.reason = "GATEWAY_UNAVAILABLE"
        result.message = (
            f"The platform does not answer. See `lumbung status` and try again. ({result.message})"
        )
    return result
