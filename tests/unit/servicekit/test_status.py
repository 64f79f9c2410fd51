from google.rpc import error_details_pb2

from servicekit.errors import InvalidArgumentError, Text, UnavailableError
from servicekit.errors.status import grpc_code, internal_status, status_from_error, unimplemented_status

TRACE = "a" * 32


def _details(status):
    kinds = (
        error_details_pb2.ErrorInfo,
        error_details_pb2.LocalizedMessage,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    )
    found = {}
    for detail in status.details:
        for kind in kinds:
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                detail.Unpack(message)
                found.setdefault(kind.__name__, []).append(message)
    return found


def test_a_status_carries_reason_field_retry_and_both_languages():
    error = InvalidArgumentError(
        Text(en="Bad.", id="Buruk."),
        Text(en="Mend it.", id="Perbaiki."),
        field="a.b",
        reason="BAD",
        metadata={"k": "v"},
    )
    status = status_from_error(error, "id", TRACE)
    details = _details(status)
    assert status.message == "Buruk. Perbaiki."
    assert details["ErrorInfo"][0].reason == "BAD"
    assert dict(details["ErrorInfo"][0].metadata) == {"k": "v", "trace_id": TRACE}
    assert {entry.locale: entry.message for entry in details["LocalizedMessage"]} == {
        "id": "Buruk. Perbaiki.",
        "en": "Bad. Mend it.",
    }
    assert details["BadRequest"][0].field_violations[0].field == "a.b"
    later = status_from_error(UnavailableError(Text("x", "y"), retry_after_seconds=1.5), "en", TRACE)
    assert _details(later)["RetryInfo"][0].retry_delay.ToNanoseconds() == 1_500_000_000


def test_a_huge_value_fits_into_the_trailers():
    huge = "é" * 100_000
    error = InvalidArgumentError(
        Text(en=huge, id=huge), field="sql", metadata={f"k{index}": huge for index in range(50)}
    )
    assert len(status_from_error(error, "en", TRACE).SerializeToString()) < 10_000


def test_the_unexpected_tells_the_trace_and_nothing_else():
    assert TRACE in internal_status("id", TRACE).message
    assert grpc_code(unimplemented_status("/a.B/C", "en", TRACE)).name == "UNIMPLEMENTED"
