"""Queues as Prometheus sees them: how much waits and runs, and for how long the oldest has waited.

A queue in PostgreSQL is the same from every replica (`max by (queue)`); one in memory is each replica's own (`sum`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import Gauge

from servicekit.settings import MeasurementSettings
from servicekit.telemetry.measurement import Measurement

__all__ = ["QUEUE_ITEMS", "QUEUE_OLDEST", "QueueState", "queue_measurement"]

QUEUE_ITEMS = Gauge("lumbung_queue_items", "What waits and what runs", ["queue", "state"])
QUEUE_OLDEST = Gauge(
    "lumbung_queue_oldest_seconds",
    "For how long the oldest that waits has waited; 0 when none does",
    ["queue"],
    multiprocess_mode="livemax",
)


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue at one time; `oldest_seconds` is the age of the oldest that waits, 0 when none does."""

    waiting: int
    running: int
    oldest_seconds: float


def queue_measurement(
    queue: str, settings: MeasurementSettings, look: Callable[[], Awaitable[QueueState]]
) -> Measurement:
    """Shows what `look` finds of a queue in PostgreSQL."""

    async def measure() -> int:
        state = await look()
        QUEUE_ITEMS.labels(queue, "waiting").set(state.waiting)
        QUEUE_ITEMS.labels(queue, "running").set(state.running)
        QUEUE_OLDEST.labels(queue).set(state.oldest_seconds)
        return 0

    return Measurement(f"queue_{queue}", settings, measure)
