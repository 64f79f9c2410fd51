"""A replica tells the service where it answers, again and again, until it ends."""

import asyncio
import contextlib
import os
import uuid
from pathlib import Path

import grpc

from inference_service.ray_process import LEAVING
from inference_service.replica.settings import ReportSettings
from lumbung.inference.v1 import replica_service_pb2 as pb
from lumbung.inference.v1 import replica_service_pb2_grpc as pb_grpc
from servicekit.auth import ServiceIdentity
from servicekit.errors import UnavailableError
from servicekit.server import open_channel
from servicekit.telemetry import client_metadata, get_logger

__all__ = ["Reporter"]

_log = get_logger(__name__)


class Reporter:
    """Calls ReportReplica with the service's own token. A service that is away finds out when it is back."""

    def __init__(
        self, settings: ReportSettings, identity: ServiceIdentity, host: str, grpc_port: int, http_port: int
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._channel = open_channel(settings.service)
        self._stub = pb_grpc.ReplicaServiceStub(self._channel)
        self._report = pb.ReportReplicaRequest(
            replica=str(uuid.uuid4()),
            grpc_address=f"{host}:{grpc_port}",
            http_address=f"{host}:{http_port}",
            state=pb.ReportReplicaRequest.STATE_SERVING,
        )
        self._heard = True
        self._leaving = Path(os.environ[LEAVING]) if LEAVING in os.environ else None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to report."""
        self._task = asyncio.create_task(self._run())

    async def leave(self) -> None:
        """Says that the replica leaves, and returns when callers have heard of it."""
        self._report.state = pb.ReportReplicaRequest.STATE_LEAVING
        await self._send()
        await asyncio.sleep(self._settings.leave_seconds)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._channel.close()

    async def _run(self) -> None:
        while True:
            if self._leaving is not None and self._leaving.exists():
                self._report.state = pb.ReportReplicaRequest.STATE_LEAVING
            await self._send()
            await asyncio.sleep(self._settings.every_seconds)

    async def _send(self) -> None:
        try:
            metadata = client_metadata(await self._identity.metadata())
            await self._stub.ReportReplica(
                self._report, metadata=metadata, timeout=self._settings.service.timeout_seconds
            )
        except (grpc.aio.AioRpcError, UnavailableError) as error:
            if self._heard:
                _log.warning("the service does not take reports", cause=str(error))
            self._heard = False
        else:
            self._heard = True
