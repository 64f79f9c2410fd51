"""The port where the gateway asks for the replicas: `POST /v3/discovery:endpoints`, Envoy's endpoint discovery by REST.

Like the metrics port it asks for no token and only answers questions; what it tells are addresses, and NetworkPolicy says who
may ask. Reports come in through the API, with a token.
"""

import asyncio
import json
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inference_service.discovery.endpoints import discovery_response
from inference_service.storage.replica_directory import ReplicaDirectory

__all__ = ["DiscoveryServer"]

PATH = "/v3/discovery:endpoints"
# Envoy names all that it can do, in 80 kB.
MAX_BODY_BYTES = 1024 * 1024


class DiscoveryServer:
    """Answers over HTTP/1.1."""

    def __init__(self, directory: ReplicaDirectory) -> None:
        self._directory = directory
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens.

        Raises:
            OSError: another program has the port.
        """
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            listener.close()
            raise
        config = uvicorn.Config(
            Starlette(routes=[Route(PATH, self._endpoints, methods=["POST"])]),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=256,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]))

    async def stop(self) -> None:
        """Takes no more questions."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task

    async def _endpoints(self, request: Request) -> Response:
        """Nothing new (304) for who has this version. 503 while not all is known: Envoy then keeps what it has.

        So it does when no replica is left: an address that may be wrong is better than none.
        """
        if int(request.headers.get("content-length", MAX_BODY_BYTES + 1)) > MAX_BODY_BYTES:
            return JSONResponse({"error": f"more than {MAX_BODY_BYTES} bytes, or of unknown length"}, 413)
        try:
            asked = json.loads(await request.body())
            names, version = list(map(str, asked["resource_names"])), str(asked.get("version_info", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            return JSONResponse({"error": "not a DiscoveryRequest with resource_names"}, 400)
        replicas = self._directory.serving()
        if not self._directory.settled or not replicas:
            return JSONResponse({"error": "the replicas are not known yet"}, 503)
        answer = discovery_response(names, replicas)
        return Response(status_code=304) if answer["version_info"] == version else JSONResponse(answer)
