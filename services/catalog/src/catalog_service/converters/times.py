"""Times on the wire."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from catalog_service.errors import AuditEntryInvalidError

__all__ = ["time_from_proto", "time_to_proto"]


def time_to_proto(time: datetime | None) -> Timestamp | None:
    """A timestamp; None stays absent."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def time_from_proto(stamp: Timestamp) -> datetime:
    """A time in UTC, to the microsecond.

    Raises:
        AuditEntryInvalidError: it lies outside the years 1 to 9999.
    """
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise AuditEntryInvalidError(
            "time", "outside the years 1 to 9999.", "di luar tahun 1 sampai 9999."
        ) from error
