"""Stands around every prediction, whichever door it came through: trace, sign-in, role, errors, audit, metrics."""

import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from google.rpc import status_pb2
from opentelemetry import trace

from inference_service.replica.models import LoadedModel
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.auth.principal import Principal
from servicekit.errors import LumbungError
from servicekit.errors.status import internal_status, status_from_error
from servicekit.server import AuditRecord, AuditSink
from servicekit.server.metrics import CALLS, SECONDS
from servicekit.telemetry import current_trace_id, extract_context, get_logger, tracer

__all__ = ["Gate", "Passage", "merged"]

_log = get_logger(__name__)
_tracer = tracer("inference_service.replica")


def merged(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Text headers by name; one that comes twice is joined by commas, so that no value hides another."""
    found: dict[str, str] = {}
    for key, value in pairs:
        if isinstance(value, str):
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


class Passage:
    """One call while it runs; `status` is set when it failed."""

    def __init__(self, method: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.headers = headers
        self.language = "id" if headers.get("accept-language", "").lower().startswith("id") else "en"
        self.principal: Principal | None = None
        self.resource = ""
        self.status: status_pb2.Status | None = None
        self.span: trace.Span = trace.INVALID_SPAN

    def describe(self, model: LoadedModel, batch: int) -> None:
        """Says which version works on how many rows."""
        self.resource = str(model.ref)
        self.span.set_attribute("lumbung.model", model.ref.model)
        self.span.set_attribute("lumbung.model_version", model.ref.version)
        self.span.set_attribute("lumbung.batch_size", batch)


class Gate:
    """Lets calls through whose token and role hold, also where the gateway was gone around."""

    def __init__(self, rules: AccessRules, verifier: TokenVerifier, audit: AuditSink | None = None) -> None:
        self._rules = rules
        self._verifier = verifier
        self.audit = audit

    async def admit(self, passage: Passage) -> None:
        """Checks token and role; raises UnauthenticatedError or PermissionDeniedError."""
        rule = self._rules.rule(passage.method)
        passage.principal = await self._verifier.principal(passage.headers.get("authorization"))
        self._rules.require(passage.method, rule, passage.principal)

    @asynccontextmanager
    async def around(self, method: str, headers: Mapping[str, str]) -> AsyncIterator[Passage]:
        """Runs one call in its trace and turns what it raises into `passage.status`."""
        passage = Passage(method, headers)
        started = time.perf_counter()
        code = "OK"
        with _tracer.start_as_current_span(
            method[1:], context=extract_context(headers), kind=trace.SpanKind.SERVER
        ) as span:
            passage.span = span
            try:
                yield passage
            except LumbungError as error:
                code = error.code
                passage.status = status_from_error(error, passage.language, current_trace_id())
            except Exception as error:  # noqa: BLE001 (the caller gets the trace id, the log gets the rest)
                code = "INTERNAL"
                passage.status = internal_status(passage.language, current_trace_id())
                _log.error("prediction failed unexpectedly", method=method, exc_info=error)
            await self._record(passage, code)
            CALLS.labels(method, code).inc()
            SECONDS.labels(method).observe(time.perf_counter() - started)
            if span.is_recording():
                span.set_attribute("rpc.grpc.status", code)
                if passage.principal is not None:
                    span.set_attribute("enduser.id", passage.principal.username)
                if passage.status is not None:
                    span.set_status(trace.StatusCode.ERROR, passage.status.message)

    async def _record(self, passage: Passage, outcome: str) -> None:
        principal = passage.principal
        if self.audit is None or principal is None or self._rules.rule(passage.method).audit == "none":
            return
        await self.audit.record(
            AuditRecord(
                uid=str(uuid.uuid4()),
                time=datetime.now(UTC),
                username=principal.username,
                authorized_party=principal.authorized_party,
                action=passage.method[1:],
                resource=passage.resource,
                outcome=outcome,
                level="read",
                trace_id=current_trace_id(),
            )
        )
