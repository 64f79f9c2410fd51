"""Starts the providers of a process. Without a receiver, traces go nowhere and cost next to nothing."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_client import start_http_server

from servicekit.settings import ListenSettings, TelemetrySettings

__all__ = ["serve_metrics", "setup_tracing"]


def setup_tracing(service: str, settings: TelemetrySettings) -> TracerProvider:
    """Samples by the caller's choice, or `sample_ratio` where a trace begins here."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
    )
    if settings.otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=True, timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    return provider


def serve_metrics(settings: ListenSettings) -> None:
    """Opens the Prometheus endpoint of the process.

    Raises:
        OSError: another process has the port.
    """
    try:
        start_http_server(settings.metrics_port, addr=settings.host)
    except OSError as error:
        place = f"{settings.host}:{settings.metrics_port} (listen.metrics_port)"
        raise OSError(error.errno, f"Cannot serve metrics on {place}: {error.strerror}") from error
