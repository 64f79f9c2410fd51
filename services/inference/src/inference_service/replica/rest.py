"""The protocol's REST form; same checks and errors as over gRPC."""

import re
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inference_service.errors import TensorTooLargeError
from inference_service.replica.documents import (
    feeds_from_document,
    metadata_document,
    parse_document,
    response_document,
)
from inference_service.replica.gate import Gate, Passage, merged
from inference_service.replica.grpc_door import SERVER_NAME, SERVER_VERSION, SERVICE
from inference_service.replica.models import ModelSet
from servicekit.errors import Text
from servicekit.errors.status import unimplemented_status
from servicekit.telemetry import current_trace_id

__all__ = ["RestDoor"]

_MODEL = re.compile(r"/v2/models/([^/]{1,200})(?:/versions/([^/]{1,20}))?(?:/(ready|infer))?")
_SERVER = {
    "/v2/health/live": "ServerLive",
    "/v2/health/ready": "ServerReady",
    "/v2": "ServerMetadata",
    "/v2/": "ServerMetadata",
}
_FIXED: dict[str, dict[str, Any]] = {
    "ServerLive": {"live": True},
    "ServerReady": {"ready": True},
    "ServerMetadata": {"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": []},
}
_HTTP = {3: 400, 5: 404, 16: 401, 7: 403, 8: 429, 9: 400, 12: 501, 4: 504, 14: 503, 13: 500, 10: 409}


def error_response(status: status_pb2.Status) -> JSONResponse:
    """A status as JSON, as the gateway's own REST errors look; `error` is the protocol's own field."""
    body = MessageToDict(status, preserving_proto_field_name=True)
    return JSONResponse({"error": status.message, **body}, _HTTP.get(status.code, 500))


class RestDoor:
    """Answers the paths under /v2."""

    def __init__(self, gate: Gate, models: ModelSet, max_body_bytes: int) -> None:
        self._gate = gate
        self._models = models
        self._max_body = max_body_bytes

    async def answer(self, request: Request) -> Response:
        """One request."""
        path = request.url.path
        match = _MODEL.fullmatch(path)
        if path in _SERVER:
            rpc, wanted = _SERVER[path], "GET"
        elif match is not None:
            rpc = {"ready": "ModelReady", "infer": "ModelInfer", None: "ModelMetadata"}[match[3]]
            wanted = "POST" if rpc == "ModelInfer" else "GET"
        else:
            rpc, wanted = "", ""
        headers = merged(request.headers.items())
        if request.method != wanted:
            shown = f"{request.method} {path[:200]}"
            language = Passage("", headers).language
            return error_response(unimplemented_status(shown, language, current_trace_id()))
        model, version = (match[1], match[2] or "") if match is not None else ("", "")
        passage = Passage(f"/{SERVICE}/{rpc}", headers)
        response = await self._gate.call(
            passage, lambda passage: self._dispatch(rpc, model, version, request, passage)
        )
        return error_response(response) if isinstance(response, status_pb2.Status) else response

    async def _dispatch(
        self, rpc: str, name: str, version: str, request: Request, passage: Passage
    ) -> Response:
        if rpc in _FIXED:
            return JSONResponse(_FIXED[rpc])
        if rpc == "ModelReady":
            ready = self._models.model_ready(name, version)
            return JSONResponse({"name": name, "ready": ready}, 200 if ready else 404)
        passage.resource = f"models/{name}"
        model = self._models.get(name, version)
        if rpc == "ModelMetadata":
            return JSONResponse(metadata_document(model))
        document = parse_document(await self._body(request))
        feeds, outputs, batch = feeds_from_document(document, model, self._max_body)
        passage.describe(model, batch)
        arrays = await model.run(feeds, outputs)
        return JSONResponse(response_document(document, name, model, outputs, arrays))

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body:
                raise TensorTooLargeError(
                    Text(
                        en=f"The body is over the limit of {self._max_body} bytes.",
                        id=f"Isi permintaan melebihi batas {self._max_body} bita.",
                    ),
                    Text(
                        en="Send fewer rows, or use gRPC.", id="Kirim lebih sedikit baris, atau pakai gRPC."
                    ),
                    field="body",
                )
        return bytes(body)
