"""The audit log in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from catalog_service.domain.audit import Entry, Head, Recorded, chain, head_mac, unique
from catalog_service.errors import AuditLogBrokenError
from catalog_service.storage.ports import AuditStore

__all__ = ["MemoryAuditStore"]


class MemoryAuditStore(AuditStore):
    """Entries in a list that a test may tamper with."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        self.entries: list[Recorded] = []
        self.head: Head | None = Head()

    async def record_audit_entries(self, entries: Sequence[Entry]) -> Head:
        """See the port."""
        end = self.head
        if end is None or any(known.sequence > end.sequence for known in self.entries):
            raise AuditLogBrokenError
        fresh = unique(entries, (recorded.entry.uid for recorded in self.entries))
        recorded = chain(end, fresh)
        self.entries += recorded
        if recorded:
            last = recorded[-1]
            mac = head_mac(self._key, last.sequence, last.hash)
            self.head = replace(end, sequence=last.sequence, hash=last.hash, mac=mac)
        return self.head or end

    async def list_audit_entries(
        self, before: int | None, limit: int, resource: str, username: str
    ) -> list[Recorded]:
        """See the port."""
        found = [
            recorded
            for recorded in reversed(self.entries)
            if (before is None or recorded.sequence < before)
            and resource in {"", recorded.entry.resource}
            and username in {"", recorded.entry.username}
        ]
        return found[:limit]

    async def read_audit_log(self) -> AsyncIterator[Sequence[Recorded] | Head | None]:
        """See the port."""
        yield list(self.entries)
        yield self.head
