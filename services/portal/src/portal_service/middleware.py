"""What stands around every page: safe headers, a span, and the golden signals."""

import time

from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.telemetry import extract_context, get_logger, tracer

__all__ = ["ObservedMiddleware", "SafeHeadersMiddleware"]

_REQUESTS = Counter("lumbung_http_requests", "Requests that ended", ["page", "method", "status"])
_RUNNING = Gauge("lumbung_http_running", "Requests that run now")
_SECONDS = Histogram("lumbung_http_seconds", "Time of a request in seconds", ["page"])
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_tracer = tracer("portal_service")
_log = get_logger(__name__)


class SafeHeadersMiddleware:
    """Sets the headers that keep a page from being framed, sniffed, scripted or kept by caches."""

    def __init__(self, app: ASGIApp, *, sign_in_origin: str, secure: bool) -> None:
        self._app = app
        # A form's answer may lead on to the realm (sign-out), which counts as the form's target.
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; "
            f"form-action 'self' {sign_in_origin}; frame-ancestors 'none'; base-uri 'none'"
        )
        self._headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        }
        if secure:
            self._headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, send_safely)


class ObservedMiddleware:
    """Counts and times each request, under the caller's trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        _RUNNING.inc()
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        carrier = dict(Headers(scope=scope))
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        with _tracer.start_as_current_span(
            f"{method} portal", context=extract_context(carrier), kind=trace.SpanKind.SERVER
        ) as span:
            try:
                await self._app(scope, receive, send_observed)
            except Exception as error:  # noqa: BLE001 (the page about it is out already; the rest is for the log)
                _log.error("page failed", exc_info=error)
            finally:
                # Named by route: a path is the caller's text and could be anything.
                page = getattr(scope.get("endpoint"), "__name__", "none")
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("lumbung.page", page)
                _REQUESTS.labels(page, method, str(status)).inc()
                _SECONDS.labels(page).observe(time.perf_counter() - started)
                _RUNNING.dec()
