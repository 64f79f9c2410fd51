"""What the failures mean that processes which read sources report."""

from ingest_service.errors import SourceAwayError, SourceError
from ingest_service.extract.job import ExtractFailure
from servicekit.errors import InternalError, Text

__all__ = ["broken_off", "raised"]


def raised(failure: ExtractFailure | None) -> SourceError | SourceAwayError:
    """The error that a failure is."""
    if failure is None:
        raise RuntimeError("a report without chunk and without failure")
    kind = SourceError if failure.lasting else SourceAwayError
    return kind(
        Text(en=failure.message_en, id=failure.message_id),
        Text(en=failure.remedy_en, id=failure.remedy_id),
        reason=failure.reason,
    )


def broken_off() -> InternalError:
    """The process ended without a report."""
    return InternalError(
        Text(
            en="The reading process failed; the platform's log says why.",
            id="Proses pembacaan gagal; sebabnya ada di log sistem.",
        ),
        reason="EXTRACTION_FAILED",
    )
