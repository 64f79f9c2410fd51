"""When a dataset takes files, by office."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from ingest_service.domain.contract.strict import StrictModel
from servicekit.errors import Text

__all__ = ["Window", "Windows"]

_MINUTE = "%Y-%m-%dT%H:%M"


class Window(StrictModel):
    """From `opens` until the `deadline` new files are taken, until `corrections_until` corrections too.

    Times are local, `2026-01-31T17:00`. Without `offices` it holds for all.
    """

    opens: str
    deadline: str
    corrections_until: str | None = None
    offices: tuple[str, ...] = Field(default=(), strict=False)

    @field_validator("opens", "deadline", "corrections_until")
    @classmethod
    def _is_minute(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.strptime(value, _MINUTE)  # noqa: DTZ007 - the zone is that of all windows
            except ValueError as error:
                raise ValueError(f"{value!r} is no local time such as 2026-01-31T17:00") from error
        return value

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        if not self.opens < self.deadline <= self.end(correction=True):
            raise ValueError("opens, deadline and corrections_until follow one another")
        return self

    def end(self, *, correction: bool) -> str:
        """The local time until which files of this kind are taken."""
        return self.corrections_until or self.deadline if correction else self.deadline

    def holds_for(self, office: str) -> bool:
        """Whether it is an office's window."""
        return not self.offices or office in self.offices


class Windows(StrictModel):
    """All windows of a dataset; `time_zone` is a name of the IANA database."""

    time_zone: str
    periods: tuple[Window, ...] = Field(min_length=1, max_length=1000, strict=False)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone such as Asia/Jakarta") from error
        return value

    def refusal(self, office: str, now: datetime, *, correction: bool) -> Text | None:
        """Why nothing is taken from an office now; None when a window is open."""
        own = [window for window in self.periods if window.holds_for(office)]
        if any(
            self._instant(window.opens) <= now <= self._instant(window.end(correction=correction))
            for window in own
        ):
            return None
        named = office or "-"
        if not own:
            return Text(
                en=f"There is no window for the office {named}.",
                id=f"Tidak ada jadwal penerimaan bagi kantor {named}.",
            )
        window = self._nearest(own, now)
        end = window.end(correction=correction)
        local = now.astimezone(ZoneInfo(self.time_zone)).strftime(_MINUTE)
        what_en, what_id = ("Corrections", "Perbaikan") if correction else ("Files", "Berkas")
        return Text(
            en=f"{what_en} of the office {named} are taken from {window.opens} to {end} ({self.time_zone}); it is {local}.",
            id=f"{what_id} dari kantor {named} diterima {window.opens} sampai {end} ({self.time_zone}); sekarang {local}.",
        )

    def _nearest(self, windows: Sequence[Window], now: datetime) -> Window:
        """The next to open, else the last that closed."""
        to_come = [window for window in windows if self._instant(window.opens) > now]
        if to_come:
            return min(to_come, key=lambda window: window.opens)
        return max(windows, key=lambda window: window.deadline)

    def _instant(self, local: str) -> datetime:
        return datetime.strptime(local, _MINUTE).replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)
