"""Walks the audit log from the first entry to the last and says where it breaks."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from catalog_service.domain.audit import GENESIS, Head, Recorded, head_mac, link

__all__ = ["ChainVerifier", "Verification"]


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome. `broken_sequence` is 0 where the log is intact; `head` is the hash of the last entry read."""

    intact: bool
    entries: int
    broken_sequence: int
    message: str
    head: bytes


class ChainVerifier:
    """Takes the entries in order of sequence, then the head.

    `remembered` are ends of the log that this process has seen: an older log put back in place lacks them.
    """

    def __init__(self, key: bytes = b"", remembered: Head | None = None) -> None:
        self._key = key
        self._remembered = remembered
        self._last = GENESIS
        self._sequence = 0
        self._entries = 0
        self._broken: tuple[int, str] | None = None

    def take(self, batch: Iterable[Recorded]) -> None:
        """Checks a further batch; after the first break the rest is only counted."""
        for recorded in batch:
            self._entries += 1
            if self._broken is None:
                self._check(recorded)

    def _check(self, recorded: Recorded) -> None:
        wanted = self._sequence + 1
        if recorded.sequence != wanted:
            self._broken = (wanted, f"Entry {wanted} is missing: {recorded.sequence} comes next.")
            return
        if not hmac.compare_digest(link(self._last, wanted, recorded.entry), recorded.hash):
            self._broken = (
                wanted,
                f"Entry {wanted} does not follow from the one before: changed, moved or put in.",
            )
            return
        known = self._remembered
        if known is not None and known.sequence == wanted and known.hash != recorded.hash:
            self._broken = (
                wanted,
                f"Entry {wanted} is not the one that was recorded: the log was rewritten.",
            )
            return
        self._sequence, self._last = wanted, recorded.hash

    def finish(self, head: Head | None) -> Verification:
        """The outcome, with the end of the log held against what the entries say."""
        if self._broken is None:
            self._broken = self._check_end(head)
        sequence, message = self._broken or (0, "")
        return Verification(
            intact=self._broken is None,
            entries=self._entries,
            broken_sequence=sequence,
            message=message,
            head=self._last,
        )

    def _check_end(self, head: Head | None) -> tuple[int, str] | None:
        here, after, known = self._sequence, self._sequence + 1, self._remembered
        if head is None:
            return after, "The record of the log's end is gone."
        signed = not self._key or hmac.compare_digest(head.mac, head_mac(self._key, head.sequence, head.hash))
        breaks = (
            (
                head.sequence > here,
                after,
                f"Entries {after} to {head.sequence} are missing: the end was cut off.",
            ),
            (head.sequence < here, head.sequence + 1, f"Entries were put behind the end, {head.sequence}."),
            (head.hash != self._last, here, "The log's end does not have the hash that was recorded."),
            (not signed, here, "The signature of the log's end does not hold: the log was rewritten."),
            (
                known is not None and known.sequence > here,
                after,
                "This service has recorded later entries: the end was cut off.",
            ),
        )
        return next(((max(at, 1), message) for broken, at, message in breaks if broken), None)
