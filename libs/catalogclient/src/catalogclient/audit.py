"""Sends audit records to the catalog's log."""

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from catalogclient.calls import catalog_errors
from lumbung.catalog.v1 import audit_service_pb2, audit_service_pb2_grpc
from servicekit.auth import ServiceIdentity
from servicekit.errors import InvalidArgumentError, LumbungError, Text, UnavailableError
from servicekit.server import AuditRecord
from servicekit.telemetry import QUEUE_ITEMS, QUEUE_OLDEST, client_metadata, get_logger

__all__ = ["CatalogAuditSink"]

_log = get_logger(__name__)
_COUNT = QUEUE_ITEMS.labels("audit_records", "waiting")
_OLDEST = QUEUE_OLDEST.labels("audit_records")

FLUSH_SECONDS = 0.2
RETRY_SECONDS = 1.0
SEND_SECONDS = 10.0
STOP_SECONDS = 5.0
BATCH = 200
MAX_WAITING = 20_000


@dataclass(slots=True)
class _Waiting:
    """A record on its way; whoever waits for it is told through `sent`."""

    record: AuditRecord
    sent: asyncio.Future[None] | None = None
    since: float = field(default_factory=time.monotonic)

    def settle(self, error: LumbungError | None = None) -> None:
        if self.sent is not None and not self.sent.done():
            if error is None:
                self.sent.set_result(None)
            else:
                self.sent.set_exception(error)


class CatalogAuditSink:
    """An `AuditSink`: writes are sent before the call is answered, reads within a fifth of a second.

    One task sends, in the order in which the records came. What cannot be sent waits, at most 20,000 records, and is
    sent when the catalog is back; a write that waits fails its call meanwhile, as does a call whose record finds no
    room. `uid` makes sending twice harmless.
    """

    def __init__(self, channel: grpc.aio.Channel, identity: ServiceIdentity) -> None:
        self._stub = audit_service_pb2_grpc.AuditServiceStub(channel)
        self._identity = identity
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    async def record(self, record: AuditRecord) -> None:
        """Takes one record.

        Raises:
            UnavailableError: a write that cannot be sent now (it is kept and sent later), or no room is left.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise UnavailableError(
                Text(
                    en=f"{MAX_WAITING} audit records wait for the catalog; no more can be kept.",
                    id=f"{MAX_WAITING} catatan audit menunggu layanan katalog; catatan baru tidak tertampung.",
                ),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=5.0,
                reason="AUDIT_FULL",
            )
        self.start()
        if record.level != "write":
            self._waiting.append(_Waiting(record))
            return
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(record, sent))
        self._wake.set()
        await sent

    def start(self) -> None:
        """Begins to send what waits."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Sends what still waits, at most for `seconds`, then ends. What remains goes to the process's own log."""
        self._stopping = True
        self._wake.set()
        task, self._task = self._task, None
        if task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(task, seconds)
        for left in self._waiting:
            _log.error("audit record could not be sent", record=str(left.record))
            left.settle(_not_recorded())
        self._waiting.clear()

    async def _run(self) -> None:
        pause = FLUSH_SECONDS
        while True:
            try:
                await self._flush()
                pause = FLUSH_SECONDS
            except Exception as error:  # noqa: BLE001 (the task that sends outlives whatever happens)
                pause = RETRY_SECONDS
                _log.warning(
                    "audit records wait for the catalog", waiting=len(self._waiting), cause=repr(error)
                )
                for entry in self._waiting:
                    entry.settle(_not_recorded())
            self._show()
            if self._stopping:
                if not self._waiting:
                    return
                await asyncio.sleep(FLUSH_SECONDS)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
                self._wake.clear()

    def _show(self) -> None:
        _COUNT.set(len(self._waiting))
        _OLDEST.set(time.monotonic() - self._waiting[0].since if self._waiting else 0)

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(BATCH, len(self._waiting)))]
            try:
                await self._send(batch)
            except InvalidArgumentError:
                await self._send_one_by_one(batch)
            else:
                self._done(batch)

    async def _send_one_by_one(self, batch: list[_Waiting]) -> None:
        for entry in batch:
            try:
                await self._send([entry])
            except InvalidArgumentError as error:
                # The catalog will never take it: it is kept in the process's own log, and the rest goes on.
                _log.error("the catalog refuses an audit record", record=str(entry.record), cause=str(error))
                entry.settle(error)
            self._done([entry])

    def _done(self, batch: list[_Waiting]) -> None:
        for entry in batch:
            entry.settle()
            self._waiting.popleft()

    async def _send(self, batch: list[_Waiting]) -> None:
        request = audit_service_pb2.RecordAuditEntriesRequest(
            entries=[_to_proto(entry.record) for entry in batch]
        )
        async with catalog_errors():
            await self._stub.RecordAuditEntries(
                request, metadata=client_metadata(await self._identity.metadata()), timeout=SEND_SECONDS
            )


def _not_recorded() -> UnavailableError:
    return UnavailableError(
        Text(
            en="The audit log does not answer, so the call is not confirmed; its record is kept and sent later.",
            id="Log audit tidak menjawab sehingga panggilan belum dapat dipastikan; catatannya disimpan dan dikirim nanti.",
        ),
        Text(
            en="Try again in a moment with the same request id.",
            id="Coba lagi sebentar dengan id permintaan yang sama.",
        ),
        retry_after_seconds=2.0,
        reason="AUDIT_UNAVAILABLE",
    )


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
