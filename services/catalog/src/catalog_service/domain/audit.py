"""Entries of the audit log and the chain of hashes that shows tampering.

hash(n) = SHA-256(hash(n-1) ‖ encoding(n)), with 32 zero bytes before the first. The encoding is unambiguous: a
version tag, the sequence as 8 bytes, the time in microseconds since 1970 as 8 bytes, then each text as its length
in 4 bytes and its UTF-8 bytes.
"""

import hashlib
import hmac
import struct
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from catalog_service.errors import AuditEntryInvalidError

__all__ = [
    "GENESIS",
    "Entry",
    "Head",
    "Recorded",
    "chain",
    "check_entry",
    "head_mac",
    "link",
    "shorten",
    "unique",
]

GENESIS = bytes(32)
_TAG = b"lumbung.audit.v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DETAIL = 32_000
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `time` has microseconds and a zone."""

    uid: str
    time: datetime
    username: str
    action: str
    outcome: str
    authorized_party: str = ""
    resource: str = ""
    detail: str = ""
    policy_version: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry in its place."""

    sequence: int
    entry: Entry
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: the last sequence and its hash. `mac` is empty where no key is set."""

    sequence: int = 0
    hash: bytes = GENESIS
    mac: bytes = b""


def check_entry(entry: Entry) -> Entry:
    """The entry as it can be kept: a UUID in its usual form, the time in UTC, no NUL, a long detail shortened.

    Raises:
        AuditEntryInvalidError: a field is missing or too long.
    """
    try:
        uid = str(uuid.UUID(entry.uid))
    except ValueError as error:
        raise AuditEntryInvalidError("uid", "it is not a UUID.", "bukan UUID.") from error
    if entry.time.tzinfo is None:
        raise AuditEntryInvalidError("time", "it has no zone.", "tidak memiliki zona waktu.")
    texts = {
        name: getattr(entry, name).replace("\x00", "\ufffd")
        for name in (
            "username",
            "authorized_party",
            "action",
            "resource",
            "outcome",
            "policy_version",
            "trace_id",
        )
    }
    for name, value in texts.items():
        if len(value) > MAX_TEXT:
            raise AuditEntryInvalidError(
                name, f"over {MAX_TEXT} characters.", f"lebih dari {MAX_TEXT} huruf."
            )
    for name in ("username", "action", "outcome"):
        if not texts[name]:
            raise AuditEntryInvalidError(name, "it is empty.", "kosong.")
    return Entry(uid=uid, time=entry.time.astimezone(UTC), detail=shorten(entry.detail, MAX_DETAIL), **texts)


def shorten(text: str, most: int) -> str:
    """A text without NUL, over `most` characters cut off there with its length and hash behind."""
    text = text.replace("\x00", "\ufffd")
    if len(text) <= most:
        return text
    whole = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:most]}… ({len(text)} characters, SHA-256 {whole})"


def _encode(sequence: int, entry: Entry) -> bytes:
    microseconds = (entry.time - _EPOCH) // timedelta(microseconds=1)
    parts = [_TAG, struct.pack(">Qq", sequence, microseconds)]
    for text in (
        entry.uid,
        entry.username,
        entry.authorized_party,
        entry.action,
        entry.resource,
        entry.outcome,
        entry.detail,
        entry.policy_version,
        entry.trace_id,
    ):
        encoded = text.encode()
        parts += [struct.pack(">I", len(encoded)), encoded]
    return b"".join(parts)


def link(before: bytes, sequence: int, entry: Entry) -> bytes:
    """The hash of an entry after `before`, 32 bytes."""
    return hashlib.sha256(before + _encode(sequence, entry)).digest()


def chain(head: Head, entries: Iterable[Entry]) -> list[Recorded]:
    """The entries put at the end of the log."""
    recorded: list[Recorded] = []
    sequence, before = head.sequence, head.hash
    for entry in entries:
        sequence += 1
        before = link(before, sequence, entry)
        recorded.append(Recorded(sequence, entry, before))
    return recorded


def head_mac(key: bytes, sequence: int, before: bytes) -> bytes:
    """HMAC-SHA-256 over the end of the log; empty without a key."""
    return hmac.digest(key, _TAG + struct.pack(">Q", sequence) + before, "sha256") if key else b""


def unique(entries: Sequence[Entry], known: Iterable[str]) -> list[Entry]:
    """The entries whose uid is neither known nor came before, in order."""
    seen = set(known)
    fresh: list[Entry] = []
    for entry in entries:
        if entry.uid not in seen:
            seen.add(entry.uid)
            fresh.append(entry)
    return fresh
