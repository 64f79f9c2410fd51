"""Where the stack keeps its data, which ports it takes and what it runs; everything else follows from these."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localstack.errors import StackError
from localstack.ports import Ports
from platformsetup.buildcache import cache_folder
from platformsetup.identity.distribution import local_archive

_LAST_OFFSET = 199
_FIRST_PORT = 1024
S3_PROGRAMS = ("seaweedfs", "minio")
OPTIONAL_PARTS = ("kafka",)


@dataclass(frozen=True)
class StackSettings:
    """Settings of one stack; two stacks with different values run side by side."""

    data_dir: Path
    base_port: int
    cache_dir: Path
    keycloak_archive: Path | None = None
    s3_program: str = "seaweedfs"
    with_parts: tuple[str, ...] = ()

    @property
    def ports(self) -> Ports:
        """Every port of this stack."""
        return Ports(self.base_port)


def checkout_dir() -> Path:
    """Folder of the checkout that this package runs from (it is installed editable)."""
    return Path(__file__).resolve().parents[4]


def load_settings(environ: dict[str, str] | None = None) -> StackSettings:
    """Read `LUMBUNG_DATA_DIR`, `LUMBUNG_BASE_PORT`, `LUMBUNG_CACHE_DIR`, `LUMBUNG_KEYCLOAK_ARCHIVE`, `LUMBUNG_S3_PROGRAM`, `LUMBUNG_WITH`.

    Raises StackError when the base port is not a number or leaves no room for the whole range, or when the S3 program
    is not one of S3_PROGRAMS or a further part not one of OPTIONAL_PARTS.
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
        s3_program=s3_program(env),
        with_parts=_with_parts(env),
    )


def s3_program(environ: Mapping[str, str]) -> str:
    """Which S3 is run, of S3_PROGRAMS; StackError at another word."""
    named = environ.get("LUMBUNG_S3_PROGRAM") or S3_PROGRAMS[0]
    if named not in S3_PROGRAMS:
        raise StackError(f"LUMBUNG_S3_PROGRAM={named!r} is not known; give one of {', '.join(S3_PROGRAMS)}")
    return named


def _with_parts(environ: Mapping[str, str]) -> tuple[str, ...]:
    named = [name.strip() for name in environ.get("LUMBUNG_WITH", "").split(",") if name.strip()]
    unknown = [name for name in named if name not in OPTIONAL_PARTS]
    if unknown:
        raise StackError(
            f"LUMBUNG_WITH={','.join(unknown)!r} is not known; give a list of {', '.join(OPTIONAL_PARTS)}"
        )
    return tuple(name for name in OPTIONAL_PARTS if name in named)
