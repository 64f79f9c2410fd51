"""Makes audit records of calls and gives them to the sink, also when the caller has gone away."""

import asyncio
import uuid
from datetime import UTC, datetime

from servicekit.auth.access import AccessRule
from servicekit.auth.principal import Principal
from servicekit.server.audit import AuditRecord, AuditSink
from servicekit.telemetry import get_logger

__all__ = ["Recorder"]

_log = get_logger(__name__)


class Recorder:
    """Stands between the interceptor and the sink. Calls without a caller or without an audit level make no record."""

    def __init__(self, sink: AuditSink | None) -> None:
        self._sink = sink
        self._later: set[asyncio.Task[None]] = set()

    def entry(
        self,
        method: str,
        rule: AccessRule | None,
        principal: Principal | None,
        resource: str,
        outcome: str,
        trace_id: str,
    ) -> AuditRecord | None:
        """The record of a call, or nothing if it needs none."""
        if self._sink is None or principal is None or rule is None or rule.audit not in {"read", "write"}:
            return None
        return AuditRecord(
            uid=str(uuid.uuid4()),
            time=datetime.now(UTC),
            username=principal.username,
            authorized_party=principal.authorized_party,
            action=method.lstrip("/"),
            resource=resource,
            outcome=outcome,
            level=rule.audit,
            trace_id=trace_id,
        )

    async def keep(self, record: AuditRecord) -> None:
        """Gives the record to the sink.

        Raises:
            LumbungError: the sink cannot keep it.
        """
        if self._sink is not None:
            try:
                await self._sink.record(record)
            except Exception:
                _log.exception("audit record not kept", record=str(record))
                raise

    def keep_later(self, record: AuditRecord) -> None:
        """Gives the record to the sink in the background: its call has been cancelled and cannot wait."""
        task = asyncio.create_task(self._keep_quietly(record))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _keep_quietly(self, record: AuditRecord) -> None:
        try:
            await self.keep(record)
        except Exception:  # noqa: BLE001 (nobody waits for the answer; `keep` has logged it)
            return

    async def drain(self, seconds: float) -> None:
        """Waits for what `keep_later` has begun, at most `seconds`."""
        if self._later:
            await asyncio.wait(self._later, timeout=seconds)
