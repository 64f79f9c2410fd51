"""Stands around every call: trace, sign-in, role, required fields, errors, audit, metrics."""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from opentelemetry import trace

from servicekit.auth.access import AccessRule, AccessRules
from servicekit.auth.principal import Principal, bind_principal
from servicekit.auth.tokens import TokenVerifier
from servicekit.errors import InvalidArgumentError, LumbungError, Text
from servicekit.errors.status import (
    DETAILS_KEY,
    grpc_code,
    internal_status,
    status_from_error,
    unimplemented_status,
)
from servicekit.server.audit import AuditRecord, AuditSink
from servicekit.server.metrics import CALLS, RUNNING, SECONDS
from servicekit.server.required import check_required
from servicekit.telemetry import current_trace_id, extract_context, get_logger, tracer

__all__ = ["CallInterceptor"]

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_log = get_logger(__name__)
_tracer = tracer("servicekit.server")
_QUIET = ("/grpc.health.v1.Health/",)


def _text_metadata(details: grpc.HandlerCallDetails) -> dict[str, str]:
    """Text metadata by key; a key that comes twice is joined by commas, so that no value hides another."""
    found: dict[str, str] = {}
    for key, value in details.invocation_metadata or ():
        if isinstance(value, str):
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _language(metadata: dict[str, str]) -> str:
    return "id" if metadata.get("accept-language", "").lower().startswith("id") else "en"


def _resource(request: Any) -> str:
    """The resource that a request names, for the audit log."""
    for field in ("name", "parent"):
        value = getattr(request, field, "")
        if isinstance(value, str) and value:
            return value
    return ""


class _Call:
    """One call while it runs."""

    def __init__(self, method: str, rule: AccessRule | None, metadata: dict[str, str]) -> None:
        self.method = method
        self.rule = rule
        self.metadata = metadata
        self.principal: Principal | None = None
        self.resource = ""


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call through to the servicer when its token and its role hold, and mends what comes back."""

    def __init__(self, rules: AccessRules, verifier: TokenVerifier, audit: AuditSink | None = None) -> None:
        self._rules = rules
        self._verifier = verifier
        self._audit = audit

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
        metadata = _text_metadata(handler_call_details)
        return self._wrap(handler, method, metadata)

    def _wrap(self, handler: _Handler, method: str, metadata: dict[str, str]) -> _Handler:
        # One request is parsed only when its sender may call; a stream is parsed as it comes.
        parse = None if handler.request_streaming else handler.request_deserializer
        kinds = {
            "request_deserializer": handler.request_deserializer if handler.request_streaming else None,
            "response_serializer": handler.response_serializer,
        }
        if handler.response_streaming:
            inner_stream: Any = handler.unary_stream or handler.stream_stream

            async def stream(request: Any, context: _Context) -> AsyncIterator[Any]:
                async with self._around(method, metadata, context) as call:
                    request = await self._admit(call, request, parse)
                    async for response in inner_stream(request, context):
                        yield response

            make: Any = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            streaming: _Handler = make(stream, **kinds)
            return streaming
        inner_unary: Any = handler.unary_unary or handler.stream_unary

        async def unary(request: Any, context: _Context) -> Any:
            async with self._around(method, metadata, context) as call:
                request = await self._admit(call, request, parse)
                return await inner_unary(request, context)

        make_unary: Any = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        single: _Handler = make_unary(unary, **kinds)
        return single

    async def _admit(self, call: _Call, request: Any, parse: Callable[[bytes], Any] | None) -> Any:
        call.rule = self._rules.rule(call.method)
        if not call.rule.anonymous:
            call.principal = await self._verifier.principal(call.metadata.get("authorization"))
            self._rules.require(call.method, call.rule, call.principal)
        bind_principal(call.principal)
        if parse is None:
            return request
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
    async def _around(self, method: str, metadata: dict[str, str], context: _Context) -> AsyncIterator[_Call]:
        call = _Call(method, None, metadata)
        started = time.perf_counter()
        running = RUNNING.labels(method)
        running.inc()
        status: status_pb2.Status | None = None
        code = "OK"
        with _tracer.start_as_current_span(
            method.lstrip("/"), context=extract_context(metadata), kind=trace.SpanKind.SERVER
        ) as span:
            try:
                yield call
            except LumbungError as error:
                status = status_from_error(error, _language(metadata), current_trace_id())
                code = error.code
                if error.code == "INTERNAL":
                    _log.error("call failed", method=method, exc_info=error)
            except NotImplementedError:
                status = unimplemented_status(method, _language(metadata), current_trace_id())
                code = "UNIMPLEMENTED"
            except grpc.aio.AbortError:
                code = "ABORTED_BY_SERVICER"
                raise
            except (GeneratorExit, KeyboardInterrupt):
                code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 (the caller gets INTERNAL and the trace id, the log gets the rest)
                status = internal_status(_language(metadata), current_trace_id())
                code = "INTERNAL"
                _log.error("call failed unexpectedly", method=method, exc_info=error)
            except BaseException:
                code = "CANCELLED"
                raise
            finally:
                running.dec()
                CALLS.labels(method, code).inc()
                SECONDS.labels(method).observe(time.perf_counter() - started)
                span.set_attribute("rpc.grpc.status", code)
                if call.principal is not None:
                    span.set_attribute("enduser.id", call.principal.username)
            await self._record(call, code)
            if status is not None:
                span.set_status(trace.StatusCode.ERROR, status.message)
                await context.abort(
                    grpc_code(status), status.message, ((DETAILS_KEY, status.SerializeToString()),)
                )

    async def _record(self, call: _Call, code: str) -> None:
        if self._audit is None or call.principal is None or call.rule is None:
            return
        if call.rule.audit not in {"read", "write"}:
            return
        principal = call.principal
        await self._audit.record(
            AuditRecord(
                uid=str(uuid.uuid4()),
                time=datetime.now(UTC),
                username=principal.username,
                authorized_party=principal.authorized_party,
                action=call.method.lstrip("/"),
                resource=call.resource,
                outcome=code,
                level=call.rule.audit,
                trace_id=current_trace_id(),
            )
        )
