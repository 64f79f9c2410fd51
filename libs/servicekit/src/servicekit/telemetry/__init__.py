"""Traces, metrics and logs of a service, and the W3C context between services."""

from servicekit.telemetry.context import client_metadata, current_trace_id, extract_context, tracer
from servicekit.telemetry.logging import get_logger, setup_logging
from servicekit.telemetry.measurement import Measurement
from servicekit.telemetry.queues import QUEUE_ITEMS, QUEUE_OLDEST, QueueState, queue_measurement
from servicekit.telemetry.setup import serve_metrics, setup_tracing

__all__ = [
    "QUEUE_ITEMS",
    "QUEUE_OLDEST",
    "Measurement",
    "QueueState",
    "client_metadata",
    "current_trace_id",
    "extract_context",
    "get_logger",
    "queue_measurement",
    "serve_metrics",
    "setup_logging",
    "setup_tracing",
    "tracer",
]
