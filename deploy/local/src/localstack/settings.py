"""Where the stack keeps its data and which ports it takes; everything else follows from these two."""

import os
from dataclasses import dataclass
from pathlib import Path

from localstack.errors import StackError
from localstack.ports import Ports
from platformsetup.identity.distribution import cache_folder, local_archive

_LAST_OFFSET = 199
_FIRST_PORT = 1024


@dataclass(frozen=True)
class StackSettings:
    """Settings of one stack; two stacks with different values run side by side."""

    data_dir: Path
    base_port: int
    cache_dir: Path
    keycloak_archive: Path | None = None

    @property
    def ports(self) -> Ports:
        """Every port of this stack."""
        return Ports(self.base_port)


def checkout_dir() -> Path:
    """Folder of the checkout that this package runs from (it is installed editable)."""
    return Path(__file__).resolve().parents[4]


def load_settings(environ: dict[str, str] | None = None) -> StackSettings:
    """Read `LUMBUNG_DATA_DIR`, `LUMBUNG_BASE_PORT`, `LUMBUNG_CACHE_DIR`, `LUMBUNG_KEYCLOAK_ARCHIVE`.

    Raises StackError when the base port is not a number or leaves no room for the whole range.
    """
    env = dict(os.environ) if environ is None else environ
    text = env.get("LUMBUNG_BASE_PORT") or "18000"
    if not text.isdecimal() or not _FIRST_PORT <= int(text) <= 65535 - _LAST_OFFSET:
        raise StackError(
            f"LUMBUNG_BASE_PORT={text!r} is not a usable port; give a number from {_FIRST_PORT} to {65535 - _LAST_OFFSET}"
        )
    data_dir = Path(env.get("LUMBUNG_DATA_DIR") or checkout_dir() / ".lumbung").expanduser().resolve()
    return StackSettings(
        data_dir=data_dir,
        base_port=int(text),
        cache_dir=cache_folder(env),
        keycloak_archive=local_archive(env),
    )
