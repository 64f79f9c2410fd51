"""Sends audit records to the catalog's log."""

import asyncio
import contextlib
from collections import deque

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from catalogclient.calls import catalog_errors
from lumbung.catalog.v1 import audit_service_pb2, audit_service_pb2_grpc
from servicekit.auth import ServiceIdentity
from servicekit.errors import LumbungError
from servicekit.server import AuditRecord
from servicekit.telemetry import client_metadata, get_logger

__all__ = ["CatalogAuditSink"]

_log = get_logger(__name__)

FLUSH_SECONDS = 0.2
BATCH = 200
MAX_WAITING = 20_000


def _to_proto(record: AuditRecord) -> audit_service_pb2.AuditEntry:
    when = Timestamp()
    when.FromDatetime(record.time)
    return audit_service_pb2.AuditEntry(
        uid=record.uid,
        time=when,
        username=record.username,
        authorized_party=record.authorized_party,
        action=record.action,
        resource=record.resource,
        outcome=record.outcome,
        trace_id=record.trace_id,
    )


class CatalogAuditSink:
    """An `AuditSink`: writes are sent before the call is answered, reads within a fifth of a second.

    What cannot be sent waits, at most 20,000 records, and is sent when the catalog is back; a write whose record
    cannot be kept fails.
    """

    def __init__(self, channel: grpc.aio.Channel, identity: ServiceIdentity) -> None:
        self._stub = audit_service_pb2_grpc.AuditServiceStub(channel)
        self._identity = identity
        self._waiting: deque[AuditRecord] = deque()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def record(self, record: AuditRecord) -> None:
        """Takes one record."""
        if record.level == "write":
            await self._send([record])
            return
        if len(self._waiting) >= MAX_WAITING:
            await self._flush()
        self._waiting.append(record)

    def start(self) -> None:
        """Begins to send what waits."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Sends what still waits, then ends."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), FLUSH_SECONDS)
            try:
                await self._flush()
            except LumbungError as error:
                _log.warning(
                    "audit records wait for the catalog", waiting=len(self._waiting), cause=str(error)
                )
                await asyncio.sleep(1.0)

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(BATCH, len(self._waiting)))]
            await self._send(batch)
            for _ in batch:
                self._waiting.popleft()

    async def _send(self, batch: list[AuditRecord]) -> None:
        request = audit_service_pb2.RecordAuditEntriesRequest(entries=[_to_proto(record) for record in batch])
        async with catalog_errors():
            await self._stub.RecordAuditEntries(
                request, metadata=client_metadata(await self._identity.metadata()), timeout=10.0
            )
