"""Where the catalog's own calls are recorded."""

from catalog_service.domain.audit import Entry
from catalog_service.service.appender import AuditAppender
from servicekit.server import AuditRecord

__all__ = ["LogAuditSink"]


class LogAuditSink:
    """An `AuditSink` that writes straight into the log."""

    def __init__(self, appender: AuditAppender) -> None:
        self._appender = appender

    async def record(self, record: AuditRecord) -> None:
        """Keeps one record for good."""
        await self._appender.append(
            [
                Entry(
                    uid=record.uid,
                    time=record.time,
                    username=record.username,
                    authorized_party=record.authorized_party,
                    action=record.action,
                    resource=record.resource[:500],
                    outcome=record.outcome,
                    trace_id=record.trace_id,
                )
            ]
        )
