"""The channel to the gateway: every call carries the token, the language and one trace."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from lumbung.config import Endpoints
from lumbung.errors import api_error

__all__ = ["Trace", "api_errors", "open_channel"]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class Trace:
    """One trace that covers all calls of a client (W3C Trace Context, sampled)."""

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)

    def header(self) -> str:
        """A `traceparent` for one call."""
        return f"00-{self.trace_id}-{secrets.token_hex(8)}-01"


class _CallDetails(grpc.ClientCallDetails):
    def __init__(self, details: grpc.ClientCallDetails, extra: list[tuple[str, str]]) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), *extra)
        self.credentials = details.credentials
        self.wait_for_ready = getattr(details, "wait_for_ready", None)
        self.compression = getattr(details, "compression", None)


class _Headers(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
):
    def __init__(self, token: Callable[[], str], language: str, trace: Trace) -> None:
        self._token = token
        self._language = language
        self._trace = trace

    def _details(self, details: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
        extra = [("accept-language", self._language), ("traceparent", self._trace.header())]
        token = self._token()
        if token:
            extra.append(("authorization", f"Bearer {token}"))
        return _CallDetails(details, extra)

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._details(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._details(client_call_details), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return continuation(self._details(client_call_details), request_iterator)


def open_channel(endpoints: Endpoints, token: Callable[[], str], language: str, trace: Trace) -> grpc.Channel:
    """A channel to the gateway. `token` is asked at each call; an empty one sends no header."""
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.enable_http_proxy", 0),
    ]
    if endpoints.tls:
        channel = grpc.secure_channel(endpoints.gateway, grpc.ssl_channel_credentials(), options=options)
    else:
        channel = grpc.insecure_channel(endpoints.gateway, options=options)
    return grpc.intercept_channel(channel, _Headers(token, language, trace))


@contextmanager
def api_errors() -> Iterator[None]:
    """Turns failed calls into `ApiError`."""
    try:
        yield
    except grpc.RpcError as error:
        raise api_error(error) from error
