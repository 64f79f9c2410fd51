"""Errors of a call to the catalog, in the caller's own words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from servicekit.errors import (
    AbortedError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    LumbungError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    Text,
    UnavailableError,
)

__all__ = ["catalog_errors"]

_UNAVAILABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_BY_CODE: dict[grpc.StatusCode, type[LumbungError]] = {
    grpc.StatusCode.ABORTED: AbortedError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
}


@asynccontextmanager
async def catalog_errors() -> AsyncIterator[None]:
    """Turns a failed call into the matching error, with the catalog's reason and both of its sentences.

    Raises:
        UnavailableError: the catalog does not answer; with a time after which to try again.
        NotFoundError, PermissionDeniedError, …: as the catalog says.
        InternalError: anything else.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> LumbungError:
    if error.code() in _UNAVAILABLE:
        return UnavailableError(
            Text(en="The catalog does not answer.", id="Layanan katalog tidak menjawab."),
            Text(en="Try again in a moment.", id="Coba lagi sebentar."),
            retry_after_seconds=2.0,
            reason="CATALOG_UNAVAILABLE",
        )
    said, reason = error.details() or error.code().name, ""
    sentences = {"en": said, "id": said}
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # details that contradict the call's own status are not believed
        status = None
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
            message = error_details_pb2.LocalizedMessage()
            detail.Unpack(message)
            sentences[message.locale] = message.message
        elif detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason = info.reason
    kind = _BY_CODE.get(error.code(), InternalError)
    return kind(Text(en=sentences["en"], id=sentences["id"]), reason=reason or None)
