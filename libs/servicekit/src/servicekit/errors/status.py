"""Turns errors into `google.rpc.Status` (AIP-193)."""

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from servicekit.errors.kinds import LumbungError, Text

__all__ = ["DETAILS_KEY", "grpc_code", "internal_status", "status_from_error", "unimplemented_status"]

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "lumbung"
# A status travels in the trailers, which gRPC and proxies hold to about 8 KiB in all.
MAX_SENTENCE = 800
MAX_VALUE = 200
MAX_VALUES = 8


def _cut(text: str, limit: int = MAX_SENTENCE) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _pack(*details: Message) -> list[any_pb2.Any]:
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    return packed


def status_from_error(error: LumbungError, language: str, trace_id: str) -> status_pb2.Status:
    """The status of an error: reason, both languages, the field and when to try again."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=error.stable_reason, domain=DOMAIN, metadata={**_values(error), "trace_id": trace_id}
        ),
        error_details_pb2.LocalizedMessage(locale="id", message=_cut(error.sentence("id"))),
        error_details_pb2.LocalizedMessage(locale="en", message=_cut(error.sentence("en"))),
    ]
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=_cut(error.message.in_language(language), MAX_VALUE)
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return status_pb2.Status(
        code=code_pb2.Code.Value(error.code), message=_cut(error.sentence(language)), details=_pack(*details)
    )


def _values(error: LumbungError) -> dict[str, str]:
    return {name: _cut(str(value), MAX_VALUE) for name, value in [*error.metadata.items()][:MAX_VALUES]}


def internal_status(language: str, trace_id: str) -> status_pb2.Status:
    """What a caller sees of an unexpected failure: nothing but the trace id."""
    text = Text(
        en=f"The platform failed on this request. Tell the platform team the trace id {trace_id}.",
        id=f"Sistem gagal memproses permintaan ini. Sampaikan id jejak {trace_id} kepada tim platform.",
    )
    return status_from_error(LumbungError(text), language, trace_id)


def unimplemented_status(method: str, language: str, trace_id: str) -> status_pb2.Status:
    """What a caller sees of a method that this server does not offer."""
    text = Text(en=f"This server does not offer {method}.", id=f"Server ini tidak menyediakan {method}.")
    status = status_from_error(LumbungError(text, reason="UNIMPLEMENTED"), language, trace_id)
    status.code = code_pb2.UNIMPLEMENTED
    return status


def grpc_code(status: status_pb2.Status) -> grpc.StatusCode:
    """The gRPC code of a status."""
    return getattr(grpc.StatusCode, code_pb2.Code.Name(status.code))  # type: ignore[no-any-return]
