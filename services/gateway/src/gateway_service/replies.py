"""What the gateway itself answers: the same shape of error as the services give, in both languages."""

import base64
from dataclasses import dataclass
from itertools import product

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from gateway_service.access import POLICY_HEADER, POLICY_TOKEN
from gateway_service.xds import Config, typed
from servicekit.errors import Text

__all__ = ["EDGE_ERRORS", "EdgeError", "local_replies"]

DETAIL = "%LOCAL_REPLY_BODY%"
_SIGN_IN = Text(
    en="Sign in with `lumbung login` (systems: ask the token endpoint for a new token) and send it as `authorization: Bearer …`.",
    id="Masuk dengan `lumbung login` (sistem: minta token baru) lalu kirim sebagai `authorization: Bearer …`.",
)
_LATER = Text(en="Try again in a moment.", id="Coba lagi sebentar.")


@dataclass(frozen=True, slots=True)
class EdgeError:
    """One kind of answer. It holds for HTTP `statuses`, and where `when` (CEL over the response) is true."""

    reason: str
    statuses: tuple[int, int]
    http_status: int | None
    grpc_code: int
    message: Text
    remedy: Text
    when: str | None = None


def _policy(name: str) -> str:
    return f"response.code_details.contains('{name}')"


EDGE_ERRORS = (
    EdgeError(
        "TOKEN_MALFORMED", (403, 403), 401, 16,
        Text(en="The authorization header is not one `Bearer <token>`.", id="Header authorization bukan satu `Bearer <token>`."),
        _SIGN_IN, _policy(POLICY_HEADER),
    ),
    EdgeError(
        "TOKEN_NOT_FOR_PLATFORM", (403, 403), 401, 16,
        Text(
            en="The token is not an access token of a client that may call the platform.",
            id="Token bukan token akses dari klien yang boleh memanggil sistem ini.",
        ),
        _SIGN_IN, _policy(POLICY_TOKEN),
    ),
    EdgeError(
        "TOKEN_AUDIENCE", (403, 403), 403, 7,
        Text(en="The token is not meant for this platform.", id="Token tidak ditujukan untuk sistem ini."),
        _SIGN_IN, "response.code_details.startsWith('jwt_authn')",
    ),
    EdgeError(
        "ROLE_MISSING", (403, 403), 403, 7,
        Text(
            en="The token's roles do not allow this call, or it is not offered from outside.",
            id="Peran pada token tidak mengizinkan pemanggilan ini, atau pemanggilan ini tidak dibuka ke luar.",
        ),
        Text(en="Ask an administrator for the role.", id="Mintalah peran itu kepada administrator."),
    ),
    EdgeError(
        "TOKEN_REFUSED", (401, 401), 401, 16,
        Text(en=f"The request has no token that holds: {DETAIL}.", id=f"Permintaan tidak membawa token yang sah: {DETAIL}."),
        _SIGN_IN,
    ),
    EdgeError(
        "NOT_OFFERED", (404, 405), None, 12,
        Text(en="The platform offers nothing at this path.", id="Tidak ada layanan pada jalur ini."),
        Text(en="Look for the path in the API's description.", id="Periksa jalurnya pada dokumentasi API."),
    ),
    EdgeError(
        "TOO_LARGE", (413, 413), 413, 8,
        Text(en="The request is larger than the gateway takes.", id="Permintaan melebihi batas ukuran gerbang."),
        Text(en="Send it in parts; files go through uploads.", id="Kirim per bagian; berkas dikirim lewat unggahan."),
    ),
    EdgeError(
        "HEADERS_TOO_LARGE", (431, 431), 431, 8,
        Text(en="The request's headers are larger than the gateway takes.", id="Header permintaan melebihi batas ukuran gerbang."),
        Text(en="Send fewer or shorter headers.", id="Kirim header yang lebih sedikit atau lebih pendek."),
    ),
    EdgeError(
        "RATE_LIMITED", (429, 429), 429, 8,
        Text(en="Too many requests at once.", id="Terlalu banyak permintaan sekaligus."),
        Text(en="Wait a second and send it again.", id="Tunggu satu detik lalu kirim lagi."),
    ),
    EdgeError(
        "DEADLINE_EXCEEDED", (408, 408), 504, 4,
        Text(en="The answer took longer than allowed.", id="Jawaban melebihi batas waktu."),
        Text(en="Ask for less, or try again later.", id="Minta lebih sedikit, atau coba lagi nanti."),
    ),
    EdgeError(
        "DEADLINE_EXCEEDED", (504, 504), 504, 4,
        Text(en="The answer took longer than allowed.", id="Jawaban melebihi batas waktu."),
        Text(en="Ask for less, or try again later.", id="Minta lebih sedikit, atau coba lagi nanti."),
    ),
    EdgeError(
        "UNAVAILABLE", (500, 599), None, 14,
        Text(en="A part of the platform that is needed does not answer now.", id="Bagian sistem yang diperlukan sedang tidak menjawab."),
        _LATER,
    ),
    EdgeError(
        "MALFORMED_REQUEST", (400, 499), None, 3,
        Text(en=f"The request is malformed: {DETAIL}", id=f"Permintaan tidak sah: {DETAIL}"),
        Text(en="Mend it and send it again.", id="Perbaiki lalu kirim lagi."),
    ),
)  # fmt: skip


def local_replies() -> Config:
    """`local_reply_config`: per error, for gRPC and JSON, in Indonesian and English. The first match holds."""
    mappers = [
        _mapper(error, grpc=grpc, language=language)
        for error, grpc, language in product(EDGE_ERRORS, (True, False), ("id", "en"))
    ]
    return {"mappers": mappers}


def _sentence(error: EdgeError, language: str) -> str:
    return f"{error.message.in_language(language)} {error.remedy.in_language(language)}"


def _mapper(error: EdgeError, *, grpc: bool, language: str) -> Config:
    low, high = error.statuses
    filters = [_status("GE", low), _status("LE", high)]
    if error.when:
        expression = typed("extensions.access_loggers.filters.cel.v3.ExpressionFilter", expression=error.when)
        filters.append(
            {
                "extension_filter": {
                    "name": "envoy.access_loggers.extension_filters.cel",
                    "typed_config": expression,
                }
            }
        )
    if grpc:
        # A REST request has become gRPC by the time the transcoder has seen it; its old path tells.
        filters.append(_header("content-type", {"string_match": {"prefix": "application/grpc"}}))
        filters.append(_header("x-envoy-original-path", {"present_match": False}))
    if language == "id":
        filters.append(_header("accept-language", {"string_match": {"prefix": "id", "ignore_case": True}}))
    found: Config = {"filter": {"and_filter": {"filters": filters}}}
    if error.http_status is not None:
        found["status_code"] = error.http_status
    if grpc:
        found["body_format_override"] = {
            "text_format_source": {"inline_string": _sentence(error, language)},
            "content_type": "text/plain; charset=UTF-8",
        }
        found["headers_to_add"] = [
            _replace("grpc-status", str(error.grpc_code)),
            _replace("grpc-status-details-bin", _details(error, language)),
        ]
    else:
        found["body_format_override"] = {"json_format": _document(error, language), "omit_empty_values": True}
    return found


def _status(operator: str, value: int) -> Config:
    comparison = {"op": operator, "value": {"default_value": value, "runtime_key": "lumbung.unused"}}
    return {"status_code_filter": {"comparison": comparison}}


def _header(name: str, match: Config) -> Config:
    return {"header_filter": {"header": {"name": name, **match}}}


def _replace(key: str, value: str) -> Config:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _details(error: EdgeError, language: str) -> str:
    """The google.rpc.Status of a gRPC answer, without what only the moment knows."""
    details: list[any_pb2.Any] = []
    for detail in (
        error_details_pb2.ErrorInfo(reason=error.reason, domain="lumbung", metadata={"part": "gateway"}),
        error_details_pb2.LocalizedMessage(locale="id", message=_sentence(error, "id").replace(DETAIL, "-")),
        error_details_pb2.LocalizedMessage(locale="en", message=_sentence(error, "en").replace(DETAIL, "-")),
    ):
        box = any_pb2.Any()
        box.Pack(detail)
        details.append(box)
    message = _sentence(error, language).replace(DETAIL, "-")
    status = status_pb2.Status(code=error.grpc_code, message=message, details=details)
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")


def _document(error: EdgeError, language: str) -> Config:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.reason,
        "domain": "lumbung",
        # The trace is known here only when the caller sent one or the request went on; the access log always has it.
        "metadata": {
            "part": "gateway",
            "request_id": "%REQ(X-REQUEST-ID)%",
            "traceparent": "%REQ(TRACEPARENT)%",
        },
    }
    localised = [
        {
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
            "locale": each,
            "message": _sentence(error, each),
        }
        for each in ("id", "en")
    ]
    return {"code": error.grpc_code, "message": _sentence(error, language), "details": [info, *localised]}
