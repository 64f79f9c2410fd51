"""Stands around every call: trace, sign-in, role, required fields, errors, audit, metrics."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from opentelemetry import trace

from servicekit.auth.access import AccessRule, AccessRules
from servicekit.auth.principal import Principal, bind_principal
from servicekit.auth.tokens import TokenVerifier
from servicekit.errors import DeadlineExceededError, InvalidArgumentError, Text
from servicekit.errors.status import DETAILS_KEY, grpc_code
from servicekit.server.audit import AuditSink
from servicekit.server.metrics import CALLS, RUNNING, SECONDS
from servicekit.server.outcome import Outcome, outcome_of
from servicekit.server.recording import Recorder
from servicekit.server.required import check_required
from servicekit.telemetry import current_trace_id, extract_context, tracer

__all__ = ["CallInterceptor"]

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_tracer = tracer("servicekit.server")
# So many seconds before the deadline a call ends, or a tenth of what there is.
_LEAD_SECONDS = 0.1
_QUIET = ("/grpc.health.v1.Health/",)


def _text_metadata(details: grpc.HandlerCallDetails) -> dict[str, str]:
    """Text metadata by key; a key that comes twice is joined by commas, so that no value hides another."""
    found: dict[str, str] = {}
    for key, value in details.invocation_metadata or ():
        if isinstance(value, str):
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _resource(message: Any) -> str:
    """The resource that a request or an answer names, for the audit log."""
    for field in ("name", "parent"):
        value = getattr(message, field, "")
        if isinstance(value, str) and value:
            return value
    return ""


class _Call:
    """One call while it runs."""

    def __init__(self, method: str, metadata: dict[str, str]) -> None:
        self.method = method
        self.metadata = metadata
        self.language = "id" if metadata.get("accept-language", "").lower().startswith("id") else "en"
        self.rule: AccessRule | None = None
        self.principal: Principal | None = None
        self.resource = ""


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call through to the servicer when its token and its role hold, and mends what comes back.

    A call of a method that the server does not offer is answered by gRPC itself; it makes no metric.
    """

    def __init__(self, rules: AccessRules, verifier: TokenVerifier, audit: AuditSink | None = None) -> None:
        self._rules = rules
        self._verifier = verifier
        self._recorder = Recorder(audit)

    async def prepare(self) -> None:
        """Has what the first call needs: the issuer's keys, when it answers."""
        await self._verifier.load_keys()

    async def drain(self, seconds: float = 5.0) -> None:
        """Waits for the audit records of cancelled calls, at most `seconds`."""
        await self._recorder.drain(seconds)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_MaybeHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _MaybeHandler:
        """Wraps the method's handler."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_QUIET):
            return handler
        return self._wrap(handler, method, _text_metadata(handler_call_details))

    def _wrap(self, handler: _Handler, method: str, metadata: dict[str, str]) -> _Handler:
        inner: Any = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )

        # One request is parsed only when its sender may call; a stream is parsed as it comes.
        parse = None if handler.request_streaming else handler.request_deserializer

        # A coroutine that writes, not a generator: when the caller goes away, gRPC cancels it where it stands,
        # while a generator would be left to the garbage collector with its query still running.
        async def stream(request: Any, context: _Context) -> None:
            async with self._around(_Call(method, metadata), context) as call:
                await self._admit(call)
                await _write_all(inner(self._read(call, request, parse), context), context)

        async def unary(request: Any, context: _Context) -> Any:
            async with self._around(_Call(method, metadata), context) as call:
                await self._admit(call)
                answer = await inner(self._read(call, request, parse), context)
                call.resource = call.resource or _resource(answer)
                return answer

        kinds = {
            "request_deserializer": handler.request_deserializer if handler.request_streaming else None,
            "response_serializer": handler.response_serializer,
        }
        makers: dict[tuple[bool, bool], Any] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        make = makers[bool(handler.request_streaming), bool(handler.response_streaming)]
        wrapped: _Handler = make(stream if handler.response_streaming else unary, **kinds)
        return wrapped

    async def _admit(self, call: _Call) -> None:
        call.rule = self._rules.rule(call.method)
        if not call.rule.anonymous:
            call.principal = await self._verifier.principal(call.metadata.get("authorization"))
            self._rules.require(call.method, call.rule, call.principal)
        bind_principal(call.principal)

    @staticmethod
    def _read(call: _Call, request: Any, parse: Callable[[bytes], Any] | None) -> Any:
        if parse is None:
            return _checked_stream(request)
        try:
            parsed = parse(request)
        except DecodeError as error:
            raise InvalidArgumentError(
                Text(
                    en=f"The bytes of the request are no message of {call.method}.",
                    id=f"Isi permintaan bukan pesan yang dikenal {call.method}.",
                ),
                Text(
                    en="Send it with stubs of this version of the API.",
                    id="Kirim dengan stub dari versi API ini.",
                ),
                reason="REQUEST_UNREADABLE",
            ) from error
        call.resource = _resource(parsed)
        check_required(parsed)
        return parsed

    @asynccontextmanager
    async def _around(self, call: _Call, context: _Context) -> AsyncIterator[_Call]:
        started = time.perf_counter()
        running = RUNNING.labels(call.method)
        running.inc()
        outcome = Outcome("CANCELLED")
        with _tracer.start_as_current_span(
            call.method.lstrip("/"),
            context=extract_context(call.metadata),
            kind=trace.SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                try:
                    async with _in_time(context):
                        yield call
                except asyncio.CancelledError:
                    late = context.time_remaining()
                    outcome = Outcome("DEADLINE_EXCEEDED" if late is not None and late <= 0 else "CANCELLED")
                    self._record_later(call, outcome)
                    raise
                except Exception as error:  # noqa: BLE001 (the caller gets a status, the log gets the rest)
                    outcome = outcome_of(error, context, call.method, call.language)
                else:
                    outcome = Outcome("OK")
                outcome = await self._record(call, outcome)
                if outcome.raised is not None:
                    raise outcome.raised
                if outcome.status is not None:
                    span.set_status(trace.StatusCode.ERROR, outcome.status.message)
                    await context.abort(
                        grpc_code(outcome.status),
                        outcome.status.message,
                        ((DETAILS_KEY, outcome.status.SerializeToString()),),
                    )
            finally:
                running.dec()
                CALLS.labels(call.method, outcome.code).inc()
                SECONDS.labels(call.method).observe(time.perf_counter() - started)
                span.set_attribute("rpc.grpc.status", outcome.code)
                if call.principal is not None:
                    span.set_attribute("enduser.id", call.principal.username)

    async def _record(self, call: _Call, outcome: Outcome) -> Outcome:
        """Records the call. What succeeded but cannot be recorded has failed."""
        record = self._recorder.entry(
            call.method, call.rule, call.principal, call.resource, outcome.code, current_trace_id()
        )
        if record is None:
            return outcome
        try:
            await self._recorder.keep(record)
        except asyncio.CancelledError:
            self._recorder.keep_later(record)
            raise
        except Exception as error:  # noqa: BLE001 (becomes a status like any failure of the call)
            told = outcome_of(error, None, call.method, call.language)
            return told if outcome.code == "OK" else outcome
        return outcome

    def _record_later(self, call: _Call, outcome: Outcome) -> None:
        record = self._recorder.entry(
            call.method, call.rule, call.principal, call.resource, outcome.code, current_trace_id()
        )
        if record is not None:
            self._recorder.keep_later(record)


@asynccontextmanager
async def _in_time(context: _Context) -> AsyncIterator[None]:
    """Ends a call a moment before its deadline: gRPC's own answer then would have no details for people."""
    left = context.time_remaining()
    limit = asyncio.timeout(None if left is None else left - min(_LEAD_SECONDS, left / 10))
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceededError(
            Text(en="The answer took longer than allowed.", id="Jawaban melebihi batas waktu."),
            Text(en="Ask for less, or try again later.", id="Minta lebih sedikit, atau coba lagi nanti."),
        ) from error


async def _checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        check_required(request)
        yield request


async def _write_all(answers: Any, context: _Context) -> None:
    """Sends what a servicer yields, and closes its generator whatever happens."""
    if not hasattr(answers, "__aiter__"):
        await answers
        return
    try:
        async for answer in answers:
            await context.write(answer)
    finally:
        if hasattr(answers, "aclose"):
            await answers.aclose()
