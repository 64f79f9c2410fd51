"""What the server tells the audit log about a call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["AuditRecord", "AuditSink"]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One call. `outcome` is "OK" or the name of a gRPC code; `level` is "read" or "write"."""

    uid: str
    time: datetime
    username: str
    authorized_party: str
    action: str
    resource: str
    outcome: str
    level: str
    trace_id: str


class AuditSink(Protocol):
    """Takes records. A record of level "write" is kept for good before `record` returns."""

    async def record(self, record: AuditRecord) -> None:
        """Takes one record."""
