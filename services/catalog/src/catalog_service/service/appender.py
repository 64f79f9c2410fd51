"""Appends to the audit log in groups: what waits while one group is committed goes into the next."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from catalog_service.domain.audit import Entry, Head, check_entry
from catalog_service.storage.ports import AuditStore
from servicekit.errors import ResourceExhaustedError, Text, UnavailableError
from servicekit.telemetry import QUEUE_ITEMS, get_logger

__all__ = ["AuditAppender"]

_log = get_logger(__name__)
_WAITING = QUEUE_ITEMS.labels("audit_entries", "waiting")
_RUNNING = QUEUE_ITEMS.labels("audit_entries", "running")

GROUP = 1_000
MAX_WAITING = 20_000
CHECKPOINT_ENTRIES = 1_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    entries: Sequence[Entry]
    kept: "asyncio.Future[None]"


class AuditAppender:
    """The one way into the log for this replica. `append` returns when its entries are kept for good."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._waiting: deque[_Waiting] = deque()
        self._count = 0
        self._more = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._checkpoint = 0
        self.head: Head | None = None

    def start(self) -> None:
        """Begins to commit."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Commits what waits, then ends."""
        self._stopping = True
        self._more.set()
        if self._task is not None:
            await self._task
        self._tell_checkpoint()

    async def append(self, entries: Sequence[Entry]) -> None:
        """Appends entries, each once by its uid.

        Raises:
            AuditEntryInvalidError: an entry cannot be kept.
            ResourceExhaustedError: too many entries wait.
            UnavailableError: the database does not answer, or the service is stopping; nothing is known to be kept.
        """
        checked = [check_entry(entry) for entry in entries]
        if not checked:
            return
        if self._stopping:
            raise UnavailableError(
                Text(en="The catalog is stopping.", id="Katalog sedang berhenti."),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=2.0,
            )
        if self._count + len(checked) > MAX_WAITING:
            raise ResourceExhaustedError(
                Text(
                    en=f"{self._count} audit entries wait to be kept.",
                    id=f"{self._count} catatan audit menunggu disimpan.",
                ),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=1.0,
                reason="AUDIT_QUEUE_FULL",
            )
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(checked, kept))
        self._count += len(checked)
        _WAITING.set(self._count)
        self._more.set()
        # A caller that gives up does not take its entries back: what was decided stays recorded.
        await asyncio.shield(kept)

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            group = self._next_group()
            if not group:
                if self._stopping:
                    return
                self._more.clear()
                continue
            await self._commit(group)

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].entries) <= GROUP):
            group.append(self._waiting.popleft())
            size += len(group[-1].entries)
        self._count -= size
        _WAITING.set(self._count)
        _RUNNING.set(size)
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            head = await self._store.record_audit_entries(
                [entry for waiting in group for entry in waiting.entries]
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, those who wait have to hear of it)
            for waiting in group:
                if not waiting.kept.done():
                    waiting.kept.set_exception(error)
                    # Nobody may be left to ask for it.
                    waiting.kept.exception()
            return
        if self.head is None or head.sequence > self.head.sequence:
            self.head = head
        if head.sequence - self._checkpoint >= CHECKPOINT_ENTRIES:
            self._tell_checkpoint()
        for waiting in group:
            if not waiting.kept.done():
                waiting.kept.set_result(None)

    def _tell_checkpoint(self) -> None:
        """Puts the end of the log into the service's own log, which is kept outside the database."""
        if self.head is not None and self.head.sequence != self._checkpoint:
            self._checkpoint = self.head.sequence
            _log.info("audit checkpoint", sequence=self.head.sequence, hash=self.head.hash.hex())
