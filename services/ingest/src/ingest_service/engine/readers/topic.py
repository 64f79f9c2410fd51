"""Messages of a topic as rows: JSON, or Avro with the number of its schema before each value."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from typing_extensions import override

from ingest_service.domain.contract import Contract
from ingest_service.engine.readers.avro import AvroError, record_reader
from ingest_service.engine.readers.json import decode_record
from ingest_service.engine.readers.records import SAMPLE_RECORDS, RecordSource
from ingest_service.engine.readers.source import Broken, is_place
from ingest_service.engine.readers.topicspool import MANIFEST, MESSAGES, SpooledMessage, TopicManifest

__all__ = ["PLACES", "TopicSource"]

PLACES = ("@topic", "@partition", "@offset", "@timestamp", "@key")
_MAX_NAMES = 2000
_MAGIC_BYTES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Record = dict[str, Any]


class _DeadError(Exception):
    """A message that is no row."""

    def __init__(self, rule: str, en: str, indonesian: str, remedy_en: str, remedy_id: str) -> None:
        super().__init__(en)
        self.texts = (en, indonesian, remedy_en, remedy_id)
        self.rule = rule


class TopicSource(RecordSource):
    """The messages of one batch, in the order in which they came; each place in the topic is a column too."""

    def __init__(self, folder: Path, contract: Contract) -> None:
        super().__init__()
        self._file = folder / MESSAGES
        self._manifest = TopicManifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
        self._readers: dict[int, Callable[[bytes], _Record] | str] = {}
        self._decode = self._decode_json if self._manifest.format == "json" else self._decode_avro
        numbers = [c for c in contract.columns if c.column_type.is_number]
        self._marks = {c.file_column: c.style.decimal for c in numbers}
        wanted = [c.file_column for c in contract.columns if c.file_column is not None]
        # Names that the contract does not want are looked for too: the quarantine shows them.
        seen = [name for _row, _m, record in islice(self._records({}), SAMPLE_RECORDS) for name in record]
        own = [name for name in dict.fromkeys([*wanted, *seen]) if not is_place(name)]
        self._names = [*own[:_MAX_NAMES], *PLACES]

    @override
    def _numbered(self) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, str | None]]]:
        for row, message, record in self._records(self._broken):
            yield row, record, self._place(message)

    def _place(self, message: SpooledMessage) -> dict[str, str | None]:
        key = message.key
        return {
            "@topic": self._manifest.topic,
            "@partition": str(message.partition),
            "@offset": str(message.offset),
            "@timestamp": None if message.timestamp is None else _time(message.timestamp),
            "@key": None if key is None else _shown(key),
        }

    def _records(self, broken: dict[int, Broken]) -> Iterator[tuple[int, SpooledMessage, _Record]]:
        """Each message that is a record, numbered; the others go to `broken`."""
        for row, message in enumerate(self._messages(), 1):
            try:
                yield row, message, self._decode(self._value(message))
            except _DeadError as error:
                text = "" if message.value is None else _shown(message.value)
                broken[row] = Broken(row, error.rule, text, *error.texts, place=self._place(message))

    def _messages(self) -> Iterator[SpooledMessage]:
        with pa.memory_map(str(self._file)) as mapped:
            file = pa.ipc.open_file(mapped)
            for number in range(file.num_record_batches):
                columns = [column.to_pylist() for column in file.get_batch(number).columns]
                yield from map(SpooledMessage, *columns)

    def _value(self, message: SpooledMessage) -> bytes:
        if message.size is None:
            raise _DeadError(
                "tombstone",
                "The message has no value.",
                "Pesan tidak mempunyai isi.",
                "Messages are appended, so that a deletion has nothing to delete; do not send it to this topic.",
                "Pesan hanya ditambahkan, sehingga penghapusan tidak berlaku; jangan dikirim ke topik ini.",
            )
        if message.value is None:
            limit = self._manifest.message_bytes
            raise _DeadError(
                "message_bytes",
                f"The message has {message.size} bytes; the limit is {limit} (kafka.message_bytes).",
                f"Pesan berukuran {message.size} bita; batasnya {limit} (kafka.message_bytes).",
                "Send smaller messages, or raise the limit in the source.",
                "Kirim pesan yang lebih kecil, atau naikkan batas pada sumber.",
            )
        return message.value

    def _decode_json(self, value: bytes) -> _Record:
        try:
            return decode_record(value.decode())
        except ValueError as error:
            raise _unreadable(str(error)) from error

    def _decode_avro(self, value: bytes) -> _Record:
        if len(value) < _MAGIC_BYTES or value[0] != 0:
            raise _unreadable("it does not begin with a zero byte and the number of its schema")
        number = int.from_bytes(value[1:_MAGIC_BYTES], "big")
        reader = self._reader(number)
        if isinstance(reader, str):
            raise _DeadError(
                "schema",
                f"The message cannot be read by schema {number}: {reader}.",
                f"Pesan tidak dapat dibaca dengan skema {number}: {reader}.",
                "Register the schema in the registry of this source: one flat record without references.",
                "Daftarkan skemanya pada registry sumber ini: satu record datar tanpa referensi.",
            )
        try:
            return reader(value[_MAGIC_BYTES:])
        except AvroError as error:
            raise _unreadable(str(error)) from error

    def _reader(self, number: int) -> Callable[[bytes], _Record] | str:
        """What reads records of a schema, or why there is none."""
        if number not in self._readers:
            text = self._manifest.schemas.get(number)
            try:
                self._readers[number] = (
                    record_reader(text) if text is not None else "the registry has no such Avro schema"
                )
            except AvroError as error:
                self._readers[number] = str(error)
        return self._readers[number]


def _unreadable(said: str) -> _DeadError:
    return _DeadError(
        "message",
        f"The message cannot be read: {said[:200]}.",
        f"Pesan tidak dapat dibaca: {said[:200]}.",
        "Send each message as one flat record of the source's format.",
        "Kirim tiap pesan sebagai satu rekaman datar dalam format sumber ini.",
    )


def _time(milliseconds: int) -> str | None:
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        return None


def _shown(content: bytes) -> str:
    return content[:1000].decode(errors="backslashreplace").replace("\x00", "\\x00")
