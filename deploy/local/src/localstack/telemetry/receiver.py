"""The three OTLP services: convert and store."""

from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from localstack.telemetry.store import LogEntry, Point, Span, TelemetryStore


class TraceReceiver(trace_service_pb2_grpc.TraceServiceServicer):  # type: ignore[misc]
    """Stores spans."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Convert, store, confirm."""
        self._store.add_spans(spans_from_proto(request))
        return trace_service_pb2.ExportTraceServiceResponse()


class LogReceiver(logs_service_pb2_grpc.LogsServiceServicer):  # type: ignore[misc]
    """Stores log records."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Convert, store, confirm."""
        self._store.add_logs(logs_from_proto(request))
        return logs_service_pb2.ExportLogsServiceResponse()


class MetricReceiver(metrics_service_pb2_grpc.MetricsServiceServicer):  # type: ignore[misc]
    """Stores gauges and sums; histograms as their count and sum."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Convert, store, confirm."""
        self._store.add_points(points_from_proto(request))
        return metrics_service_pb2.ExportMetricsServiceResponse()


def spans_from_proto(request: Any) -> Iterator[Span]:
    """Every span of an export request."""
    for resource_spans in request.resource_spans:
        service = _service(resource_spans.resource)
        for scope in resource_spans.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    service=service,
                    kind=int(span.kind),
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    status=int(span.status.code),
                    status_message=span.status.message,
                    attributes=_attributes(span.attributes),
                    events=[
                        {"name": event.name, "time_ns": event.time_unix_nano}
                        | {"attributes": _attributes(event.attributes)}
                        for event in span.events
                    ],
                )


def logs_from_proto(request: Any) -> Iterator[LogEntry]:
    """Every log record of an export request."""
    for resource_logs in request.resource_logs:
        service = _service(resource_logs.resource)
        for scope in resource_logs.scope_logs:
            for record in scope.log_records:
                yield LogEntry(
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    time_ns=record.time_unix_nano or record.observed_time_unix_nano,
                    service=service,
                    severity=record.severity_text,
                    body=str(_value(record.body)),
                    attributes=_attributes(record.attributes),
                )


def points_from_proto(request: Any) -> Iterator[Point]:
    """Every metric value of an export request."""
    for resource_metrics in request.resource_metrics:
        service = _service(resource_metrics.resource)
        for scope in resource_metrics.scope_metrics:
            for metric in scope.metrics:
                for point in (*metric.gauge.data_points, *metric.sum.data_points):
                    number = point.as_double if point.HasField("as_double") else float(point.as_int)
                    yield _point(point, service, metric.name, number)
                for point in metric.histogram.data_points:
                    yield _point(point, service, f"{metric.name}_count", float(point.count))
                    yield _point(point, service, f"{metric.name}_sum", point.sum)


def _point(point: Any, service: str, name: str, number: float) -> Point:
    return Point(point.time_unix_nano, service, name, number, _attributes(point.attributes))


def _service(resource: Any) -> str:
    return str(_attributes(resource.attributes).get("service.name", "unknown"))


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind)
