"""The state of the platform, observed when somebody wants to see it."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from portal_service.domain import PartState, PlatformState
from portal_service.settings import PartSettings

__all__ = ["Probe", "StateService"]


class Probe(Protocol):
    """Tells whether a part is up; never raises for a part that is down."""

    async def is_up(self, part: PartSettings) -> bool:
        """Whether the part answers."""


class StateService:
    """Observes all parts at once; who looks again within `fresh_seconds` sees the same."""

    def __init__(self, parts: Sequence[PartSettings], probe: Probe, fresh_seconds: float) -> None:
        self._parts = tuple(parts)
        self._probe = probe
        self._fresh_seconds = fresh_seconds
        self._lock = asyncio.Lock()
        self._state: PlatformState | None = None
        self._observed_at = 0.0

    async def platform_state(self) -> PlatformState:
        """Every part of the settings, in their order."""
        async with self._lock:
            if self._state is None or time.monotonic() - self._observed_at >= self._fresh_seconds:
                found = await asyncio.gather(*(self._probe.is_up(part) for part in self._parts))
                states = tuple(PartState(part.name, up) for part, up in zip(self._parts, found, strict=True))
                self._state = PlatformState(states, datetime.now(UTC))
                self._observed_at = time.monotonic()
            return self._state
