"""Where the catalog's own calls are recorded."""

from catalog_service.domain.audit import Entry
from catalog_service.errors import AuditLogBrokenError
from catalog_service.service.appender import AuditAppender
from servicekit.server import AuditRecord
from servicekit.telemetry import get_logger

__all__ = ["LogAuditSink"]

_log = get_logger(__name__)


class LogAuditSink:
    """An `AuditSink` that writes straight into the log."""

    def __init__(self, appender: AuditAppender) -> None:
        self._appender = appender

    async def record(self, record: AuditRecord) -> None:
        """Keeps one record for good.

        A broken log may still be read: else tampering would keep auditors from seeing it.
        """
        entry = Entry(
            uid=record.uid,
            time=record.time,
            username=record.username,
            authorized_party=record.authorized_party,
            action=record.action,
            resource=record.resource[:500],
            outcome=record.outcome,
            trace_id=record.trace_id,
        )
        try:
            await self._appender.append([entry])
        except AuditLogBrokenError as error:
            if record.level != "read":
                raise
            _log.error(
                "a read of the broken audit log is not recorded in it", entry=repr(entry), cause=str(error)
            )
