"""Audit entries on the wire."""

from catalog_service.converters.times import time_from_proto, time_to_proto
from catalog_service.domain.audit import Entry, Recorded
from catalog_service.domain.verification import Verification
from lumbung.catalog.v1 import audit_service_pb2 as pb

__all__ = ["entry_from_proto", "entry_to_proto", "verification_to_proto"]


def entry_from_proto(message: pb.AuditEntry) -> Entry:
    """An entry to append."""
    return Entry(
        uid=message.uid,
        time=time_from_proto(message.time),
        username=message.username,
        authorized_party=message.authorized_party,
        action=message.action,
        resource=message.resource,
        outcome=message.outcome,
        detail=message.detail,
        policy_version=message.policy_version,
        trace_id=message.trace_id,
    )


def entry_to_proto(recorded: Recorded) -> pb.AuditEntry:
    """An entry in its place."""
    entry = recorded.entry
    return pb.AuditEntry(
        sequence=recorded.sequence,
        uid=entry.uid,
        time=time_to_proto(entry.time),
        username=entry.username,
        authorized_party=entry.authorized_party,
        action=entry.action,
        resource=entry.resource,
        outcome=entry.outcome,
        detail=entry.detail,
        policy_version=entry.policy_version,
        trace_id=entry.trace_id,
        hash=recorded.hash.hex(),
    )


def verification_to_proto(verification: Verification) -> pb.VerifyAuditLogResponse:
    """The outcome of a verification."""
    return pb.VerifyAuditLogResponse(
        intact=verification.intact,
        entries=verification.entries,
        broken_sequence=verification.broken_sequence,
        message=verification.message,
        head=verification.head.hex(),
    )
