"""The trace context (W3C Trace Context) on its way through call metadata and task arguments."""

from collections.abc import Iterable, Mapping

from opentelemetry import propagate, trace
from opentelemetry.context import Context

__all__ = ["client_metadata", "current_trace_id", "extract_context", "tracer"]


def tracer(name: str) -> trace.Tracer:
    """A tracer by the name of the package that makes the spans."""
    return trace.get_tracer(name)


def current_trace_id() -> str:
    """The running trace's id, 32 hexadecimal digits; zeros outside a trace."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def client_metadata(extra: Iterable[tuple[str, str]] = ()) -> tuple[tuple[str, str], ...]:
    """Call metadata that carries the running trace, with `extra` pairs added."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return (*carrier.items(), *extra)


def extract_context(carrier: Mapping[str, str]) -> Context:
    """The trace context that call metadata or task arguments carry."""
    return propagate.extract(carrier)
