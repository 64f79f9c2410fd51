"""What is measured in the background and not at a scrape, since it asks a database or a store."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import Counter, Gauge

from servicekit.periodic import Periodic
from servicekit.settings import MeasurementSettings
from servicekit.telemetry.logging import get_logger

__all__ = ["Measurement"]

_log = get_logger(__name__)

_MEASURED = Gauge(
    "lumbung_measured_timestamp_seconds",
    "When a measurement last came to its end and left nothing out; 0 until the first",
    ["measurement"],
)
_FAILURES = Counter(
    "lumbung_measurement_failures", "What could not be measured, each time that it was tried", ["measurement"]
)


class Measurement(Periodic):
    """Calls `measure` at its interval, each time for its limit at most.

    `measure` sets gauges and returns how many things it could not measure; one that raises or takes too long counts as
    one. Every replica measures: its gauges are whole, and none is stale because another replica has the turn.
    """

    def __init__(
        self, name: str, settings: MeasurementSettings, measure: Callable[[], Awaitable[int]]
    ) -> None:
        super().__init__(settings.every_seconds)
        self._name, self._limit, self._measure = name, settings.limit_seconds, measure
        self._measured = _MEASURED.labels(name)
        self._failures = _FAILURES.labels(name)

    async def look(self) -> None:
        """Measures once; raises nothing."""
        try:
            async with asyncio.timeout(self._limit):
                failed = await self._measure()
        except TimeoutError:
            _log.warning("a measurement took too long", measurement=self._name, limit_seconds=self._limit)
            failed = 1
        except Exception as error:  # noqa: BLE001 (whatever it is, the next round tries again)
            _log.warning("a measurement failed", measurement=self._name, cause=str(error))
            failed = 1
        if failed:
            self._failures.inc(failed)
        else:
            self._measured.set_to_current_time()
