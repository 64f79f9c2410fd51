"""What the portal speaks of."""

import re
from dataclasses import dataclass
from datetime import datetime

from portal_service.errors import BadReturnPathError
from servicekit.errors import Text

__all__ = ["PartState", "PlatformState", "return_path"]

_OWN_PATH = re.compile(r"/(?:portal/[a-z0-9/-]{0,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartState:
    """Whether a part answers. Why it does not is for the operators' logs, not for the page."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class PlatformState:
    """All parts as they were at `time` (UTC)."""

    parts: tuple[PartState, ...]
    time: datetime

    @property
    def down(self) -> tuple[PartState, ...]:
        """The parts that do not answer."""
        return tuple(part for part in self.parts if not part.up)


def return_path(wanted: str | None) -> str:
    """The page to show after sign-in: one of the portal's own.

    Raises:
        BadReturnPathError: it points anywhere else.
    """
    if not wanted:
        return "/"
    if not _OWN_PATH.fullmatch(wanted):
        raise BadReturnPathError(
            Text(
                en="The link wants to lead to another site after sign-in.",
                id="Tautan ini hendak mengarah ke situs lain setelah masuk.",
            ),
            Text(en="Start from the first page.", id="Mulailah dari halaman depan."),
            field="next",
        )
    return wanted
