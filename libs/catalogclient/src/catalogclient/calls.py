"""Errors of a call to the catalog, in the caller's own words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from servicekit.errors import (
    InternalError,
    LumbungError,
    NotFoundError,
    PermissionDeniedError,
    Text,
    UnavailableError,
)

__all__ = ["catalog_errors"]

_BY_CODE: dict[grpc.StatusCode, type[LumbungError]] = {
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: UnavailableError,
}


@asynccontextmanager
async def catalog_errors() -> AsyncIterator[None]:
    """Turns a failed call into the matching error.

    Raises:
        UnavailableError: the catalog does not answer; with a time after which to try again.
        NotFoundError, PermissionDeniedError: as the catalog says.
        InternalError: anything else.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        kind = _BY_CODE.get(error.code(), InternalError)
        said = error.details() or error.code().name
        if kind is UnavailableError:
            raise UnavailableError(
                Text(en="The catalog does not answer.", id="Layanan katalog tidak menjawab."),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=2.0,
                reason="CATALOG_UNAVAILABLE",
            ) from error
        raise kind(Text(en=said, id=said)) from error
