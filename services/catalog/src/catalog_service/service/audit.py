"""The audit log's use cases."""

import asyncio
from collections.abc import Sequence

from catalog_service.domain.audit import Entry, Head, Recorded
from catalog_service.domain.verification import ChainVerifier, Verification
from catalog_service.errors import AuditEntryInvalidError, ResourceNameInvalidError
from catalog_service.service.appender import AuditAppender
from catalog_service.service.paging import decode_number, encode_token, page_size
from catalog_service.storage.ports import AuditStore

__all__ = ["AuditService"]

MAX_ENTRIES = 1_000


class AuditService:
    """Records, lists and verifies."""

    def __init__(self, store: AuditStore, appender: AuditAppender, key: bytes = b"") -> None:
        self._store = store
        self._appender = appender
        self._key = key

    async def record_audit_entries(self, entries: Sequence[Entry]) -> None:
        """Appends entries of another service, each once by its uid.

        Raises:
            AuditEntryInvalidError: an entry cannot be kept, or there are more than 1,000.
        """
        if len(entries) > MAX_ENTRIES:
            raise AuditEntryInvalidError(
                "entries", f"more than {MAX_ENTRIES} at once.", f"lebih dari {MAX_ENTRIES} sekaligus."
            )
        await self._appender.append(entries)

    async def list_audit_entries(
        self, *, size: int, token: str, resource: str = "", username: str = ""
    ) -> tuple[list[Recorded], str]:
        """A page of entries, newest first, and the token of the next page."""
        for field, value in (("resource", resource), ("username", username)):
            if "\x00" in value:
                raise ResourceNameInvalidError(field, value, "a text without NUL")
        limit = page_size(size)
        found = await self._store.list_audit_entries(decode_number(token), limit + 1, resource, username)
        page = found[:limit]
        return page, encode_token(str(page[-1].sequence)) if len(found) > limit else ""

    async def verify_audit_log(self) -> Verification:
        """Walks the whole log; the event loop stays free between batches."""
        verifier = ChainVerifier(self._key, self._appender.head)
        head: Head | None = None
        async for part in self._store.read_audit_log():
            if part is None or isinstance(part, Head):
                head = part
            else:
                await asyncio.to_thread(verifier.take, part)
        return verifier.finish(head)
