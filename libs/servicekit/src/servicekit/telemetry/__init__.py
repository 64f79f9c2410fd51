"""Traces, metrics and logs of a service, and the W3C context between services."""

from servicekit.telemetry.context import client_metadata, current_trace_id, extract_context, tracer
from servicekit.telemetry.logging import get_logger, setup_logging
from servicekit.telemetry.setup import serve_metrics, setup_tracing

__all__ = [
    "client_metadata",
    "current_trace_id",
    "extract_context",
    "get_logger",
    "serve_metrics",
    "setup_logging",
    "setup_tracing",
    "tracer",
]
