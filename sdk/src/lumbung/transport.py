"""The channel to the gateway: every call carries the token, the language and one trace."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from lumbung.config import Endpoints

__all__ = ["Headers", "Trace", "open_async_channel", "open_channel"]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


class Trace:
    """One trace that covers all calls of a client (W3C Trace Context, sampled)."""

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)

    def header(self) -> str:
        """A `traceparent` for one call."""
        return f"00-{self.trace_id}-{secrets.token_hex(8)}-01"


class Headers:
    """The metadata of a call. `token` is asked at each call; an empty one sends no header."""

    def __init__(self, token: Callable[[], str], language: str, trace: Trace) -> None:
        self._token = token
        self._language = language
        self._trace = trace

    def __call__(self) -> tuple[tuple[str, str], ...]:
        """Pairs of name and value."""
        headers = (("accept-language", self._language), ("traceparent", self._trace.header()))
        token = self._token()
        return (*headers, ("authorization", f"Bearer {token}")) if token else headers


class _CallDetails(grpc.ClientCallDetails):
    def __init__(self, details: grpc.ClientCallDetails, extra: tuple[tuple[str, str], ...]) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), *extra)
        self.credentials = details.credentials
        self.wait_for_ready = getattr(details, "wait_for_ready", None)
        self.compression = getattr(details, "compression", None)


class _AddHeaders(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
):
    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(_CallDetails(client_call_details, self._headers()), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(_CallDetails(client_call_details, self._headers()), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return continuation(_CallDetails(client_call_details, self._headers()), request_iterator)


def _tls() -> grpc.ChannelCredentials:
    """TLS with the system's roots, or with those of the file that LUMBUNG_CA_FILE names."""
    named = os.environ.get("LUMBUNG_CA_FILE")
    return grpc.ssl_channel_credentials(Path(named).read_bytes() if named else None)


def open_channel(endpoints: Endpoints, headers: Headers) -> grpc.Channel:
    """A channel to the gateway that adds the headers to each call."""
    if endpoints.tls:
        channel = grpc.secure_channel(endpoints.gateway, _tls(), options=_OPTIONS)
    else:
        channel = grpc.insecure_channel(endpoints.gateway, options=_OPTIONS)
    return grpc.intercept_channel(channel, _AddHeaders(headers))


def open_async_channel(endpoints: Endpoints) -> grpc.aio.Channel:
    """A channel to the gateway for asyncio; whoever calls adds the headers."""
    if endpoints.tls:
        return grpc.aio.secure_channel(endpoints.gateway, _tls(), options=_OPTIONS)
    return grpc.aio.insecure_channel(endpoints.gateway, options=_OPTIONS)
