"""Stands around every prediction, whichever door it came through: trace, sign-in, role, time, errors, audit, metrics."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from google.rpc import status_pb2
from opentelemetry import context as otel_context
from opentelemetry import trace

from inference_service.replica.models import LoadedModel
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.auth.principal import Principal
from servicekit.errors import DeadlineExceededError, LumbungError, Text
from servicekit.errors.status import internal_status, status_from_error
from servicekit.server import AuditRecord, AuditSink
from servicekit.server.metrics import CALLS, RUNNING, SECONDS
from servicekit.telemetry import extract_context, get_logger, tracer

__all__ = ["Gate", "Passage", "merged"]

_log = get_logger(__name__)
_tracer = tracer("inference_service.replica")
_Answer = TypeVar("_Answer")


def merged(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Text headers by name; one that comes twice is joined by commas, so that no value hides another."""
    found: dict[str, str] = {}
    for key, value in pairs:
        if isinstance(value, str):
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


# Looking a metric's labels up takes a lock; methods and codes are few.
_calls = lru_cache(maxsize=256)(CALLS.labels)
_seconds = lru_cache(maxsize=64)(SECONDS.labels)
_running = lru_cache(maxsize=64)(RUNNING.labels)


class Passage:
    """One call while it runs.

    `time_remaining` gives the seconds left until the caller's own deadline, or None where there is none.
    """

    __slots__ = ("headers", "method", "principal", "resource", "span", "time_remaining")

    def __init__(
        self,
        method: str,
        headers: Mapping[str, str],
        time_remaining: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.method = method
        self.headers = headers
        self.time_remaining = time_remaining
        self.principal: Principal | None = None
        self.resource = ""
        self.span: trace.Span = trace.INVALID_SPAN

    @property
    def language(self) -> str:
        """The caller's language, "id" or "en"."""
        return "id" if self.headers.get("accept-language", "").lower().startswith("id") else "en"

    @property
    def trace_id(self) -> str:
        """The call's trace, 32 hexadecimal digits."""
        return format(self.span.get_span_context().trace_id, "032x")

    def describe(self, model: LoadedModel, batch: int) -> None:
        """Says which version works on how many rows."""
        self.resource = model.name
        if self.span.is_recording():
            self.span.set_attribute("lumbung.model", model.ref.model)
            self.span.set_attribute("lumbung.model_version", model.ref.version)
            self.span.set_attribute("lumbung.batch_size", batch)


class Gate:
    """Lets calls through whose token and role hold, also where the gateway was gone around."""

    def __init__(
        self, rules: AccessRules, verifier: TokenVerifier, max_seconds: float, audit: AuditSink | None = None
    ) -> None:
        self._rules = rules
        self._verifier = verifier
        self._max_seconds = max_seconds
        self._audit = audit

    async def call(
        self, passage: Passage, work: Callable[[Passage], Awaitable[_Answer]]
    ) -> _Answer | status_pb2.Status:
        """Runs one call in its trace, at most for `max_seconds`; what it raises becomes a status for the caller.

        A call that its caller gives up is recorded as such, and its cancellation goes on.
        """
        started = time.perf_counter()
        # A call that brings no trace begins one: there is nothing to read then.
        brought = extract_context(passage.headers) if "traceparent" in passage.headers else None
        span = _tracer.start_span(passage.method[1:], context=brought, kind=trace.SpanKind.SERVER)
        passage.span = span
        outer = otel_context.attach(trace.set_span_in_context(span, brought))
        code = "CANCELLED"
        _running(passage.method).inc()
        try:
            try:
                async with asyncio.timeout(self._max_seconds):
                    await self._admit(passage)
                    answer: _Answer | status_pb2.Status = await work(passage)
                code = "OK"
            except asyncio.CancelledError:
                left = passage.time_remaining()
                code = "DEADLINE_EXCEEDED" if left is not None and left <= 0 else "CANCELLED"
                await self._record(passage, code)
                raise
            except Exception as error:  # noqa: BLE001 (the caller gets a status, the log gets the rest)
                code, answer = self._refuse(passage, error)
            try:
                await self._record(passage, code)
            except LumbungError as error:
                # What succeeded but cannot be recorded has failed.
                code, answer = self._refuse(passage, error)
        finally:
            _running(passage.method).dec()
            _calls(passage.method, code).inc()
            _seconds(passage.method).observe(time.perf_counter() - started)
            self._finish(passage, code)
            otel_context.detach(outer)
        return answer

    async def _admit(self, passage: Passage) -> None:
        """Checks token and role; raises UnauthenticatedError or PermissionDeniedError."""
        rule = self._rules.rule(passage.method)
        passage.principal = await self._verifier.principal(passage.headers.get("authorization"))
        self._rules.require(passage.method, rule, passage.principal)

    def _refuse(self, passage: Passage, error: Exception) -> tuple[str, status_pb2.Status]:
        """The code of a failed call, and what its caller is told."""
        if isinstance(error, TimeoutError):
            error = DeadlineExceededError(
                Text(
                    en=f"The prediction took longer than {self._max_seconds:g} seconds.",
                    id=f"Prediksi memerlukan lebih dari {self._max_seconds:g} detik.",
                ),
                Text(en="Send fewer rows at a time.", id="Kirim lebih sedikit baris sekaligus."),
            )
        if isinstance(error, LumbungError):
            code, status = error.code, status_from_error(error, passage.language, passage.trace_id)
        else:
            code, status = "INTERNAL", internal_status(passage.language, passage.trace_id)
            _log.error("prediction failed unexpectedly", method=passage.method, exc_info=error)
        passage.span.set_status(trace.StatusCode.ERROR, status.message)
        return code, status

    @staticmethod
    def _finish(passage: Passage, code: str) -> None:
        span = passage.span
        if span.is_recording():
            span.set_attribute("rpc.grpc.status", code)
            if passage.principal is not None:
                span.set_attribute("enduser.id", passage.principal.username)
        span.end()

    async def _record(self, passage: Passage, outcome: str) -> None:
        principal = passage.principal
        if self._audit is None or principal is None or self._rules.rule(passage.method).audit == "none":
            return
        await self._audit.record(
            AuditRecord(
                uid=str(uuid.uuid4()),
                time=datetime.now(UTC),
                username=principal.username,
                authorized_party=principal.authorized_party,
                action=passage.method[1:],
                resource=passage.resource,
                outcome=outcome,
                level="read",
                trace_id=passage.trace_id,
            )
        )
