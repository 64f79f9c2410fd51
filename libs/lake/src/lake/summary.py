"""What a commit writes into its snapshot, so that it can be found again without any other record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pyiceberg.table.snapshots import Snapshot

from lake.commits import CommitResult
from lake.errors import InvalidCommitError
from lake.schema import TableId
from servicekit.errors import Text

ControlValue = Decimal | int | str
_PREFIX = "lumbung."
RUN_ID = f"{_PREFIX}run-id"
_CONTROL = f"{_PREFIX}control."
_PROPERTY = f"{_PREFIX}property."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_MAX_ENTRIES, _MAX_VALUE = 64, 1000


@dataclass(frozen=True)
class CommitNote:
    """What a commit says of itself: its run, control totals and properties, as text."""

    run_id: str
    mode: str
    controls: Mapping[str, str]
    properties: Mapping[str, str]

    @staticmethod
    def of(
        run_id: str,
        mode: str,
        controls: Mapping[str, ControlValue] | None,
        properties: Mapping[str, str] | None,
    ) -> "CommitNote":
        """Check and convert; InvalidCommitError for an id, a name or a value that is not usable."""
        if not _NAME.fullmatch(run_id):
            raise _invalid("run_id", run_id)
        totals = {name: _exact(name, value) for name, value in (controls or {}).items()}
        entries = dict(properties or {})
        for values in (totals, entries):
            if len(values) > _MAX_ENTRIES:
                raise _invalid("entries", str(len(values)))
            for name, value in values.items():
                if not _NAME.fullmatch(name) or len(value) > _MAX_VALUE:
                    raise _invalid(name, value)
        return CommitNote(run_id, mode, totals, entries)

    def entries(self, rows_added: int, bytes_added: int) -> dict[str, str]:
        """As entries of a snapshot summary."""
        return {
            RUN_ID: self.run_id,
            f"{_PREFIX}mode": self.mode,
            f"{_PREFIX}rows-added": str(rows_added),
            f"{_PREFIX}bytes-added": str(bytes_added),
            **{_CONTROL + name: value for name, value in self.controls.items()},
            **{_PROPERTY + name: value for name, value in self.properties.items()},
        }


def result_of(table: TableId, snapshot: Snapshot) -> CommitResult | None:
    """The commit that made a snapshot; None when the snapshot was not made by a run."""
    summary = summary_of(snapshot)
    if RUN_ID not in summary:
        return None
    return CommitResult(
        table=table,
        run_id=summary[RUN_ID],
        snapshot_id=snapshot.snapshot_id,
        sequence=snapshot.sequence_number or 0,
        mode=summary[f"{_PREFIX}mode"],
        rows_added=int(summary[f"{_PREFIX}rows-added"]),
        rows_total=int(summary.get("total-records", "0")),
        bytes_added=int(summary[f"{_PREFIX}bytes-added"]),
        controls=_with_prefix(summary, _CONTROL),
        properties=_with_prefix(summary, _PROPERTY),
        commit_time=time_of(snapshot),
    )


def summary_of(snapshot: Snapshot) -> dict[str, str]:
    """All entries of a snapshot's summary."""
    return dict(snapshot.summary.additional_properties) if snapshot.summary else {}


def time_of(snapshot: Snapshot) -> datetime:
    """UTC time of a snapshot."""
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def _with_prefix(summary: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in summary.items() if name.startswith(prefix)}


def _exact(name: str, value: ControlValue) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    raise _invalid(name, repr(value))


def _invalid(name: str, value: str) -> InvalidCommitError:
    return InvalidCommitError(
        Text(
            id=f"{name} = {value[:100]!r} tidak dapat dicatat bersama publikasi.",
            en=f"{name} = {value[:100]!r} cannot be recorded with a commit.",
        ),
        Text(
            id=f"Nama dan run_id: 1 sampai 128 huruf, angka, _ . -; nilai: teks sampai {_MAX_VALUE} huruf, int atau Decimal.",
            en=f"Names and run_id: 1 to 128 letters, digits, _ . -; values: text up to {_MAX_VALUE}, int or Decimal.",
        ),
        field=name,
    )
