"""Where the platform is. From the environment, else from a local stack's own description."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["Endpoints", "config_folder", "find_endpoints", "stack_description"]

DEFAULT_GATEWAY = "127.0.0.1:18000"
DEFAULT_ISSUER = "http://127.0.0.1:18002/realms/lumbung"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses: `gateway` is host:port, `issuer` the realm's URL; `tls` says whether the gateway speaks TLS."""

    gateway: str
    issuer: str
    tls: bool = False


def _named_stack_file() -> str | None:
    data_dir = os.environ.get("LUMBUNG_DATA_DIR")
    return os.environ.get("LUMBUNG_STACK_FILE") or (str(Path(data_dir) / "stack.json") if data_dir else None)


def stack_description() -> dict[str, Any] | None:
    """The description of a local stack: the file LUMBUNG_STACK_FILE, else that of LUMBUNG_DATA_DIR, else `.lumbung/stack.json` here or above.

    Raises:
        ApiError: FAILED_PRECONDITION when the file is there and cannot be read as one.
    """
    named = _named_stack_file()
    here = Path.cwd()
    candidates = (
        [Path(named)] if named else [folder / ".lumbung" / "stack.json" for folder in (here, *here.parents)]
    )
    for candidate in candidates:
        if candidate.is_file():
            return _read(candidate)
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(described, dict):
            raise TypeError("not an object")  # noqa: TRY301 (one place tells every failure)
    except (ValueError, TypeError) as error:
        raise ApiError(
            code="FAILED_PRECONDITION",
            reason="STACK_UNREADABLE",
            message=say("stack_unreadable", file=file, cause=error),
        ) from error
    return described


def find_endpoints(gateway: str | None = None) -> Endpoints:
    """Addresses by argument, then LUMBUNG_GATEWAY_URL and LUMBUNG_ISSUER, then a local stack, then the default.

    A gateway is `host:port` or a URL; https has the port 443 and http the port 80 where none is named.
    """
    stack = stack_description() or {}
    url = gateway or os.environ.get("LUMBUNG_GATEWAY_URL") or stack.get("gateway_url") or DEFAULT_GATEWAY
    issuer = os.environ.get("LUMBUNG_ISSUER") or stack.get("issuer") or DEFAULT_ISSUER
    scheme, _, rest = url.rpartition("://")
    place = urlsplit(f"//{rest}").netloc
    if scheme and ":" not in place.rpartition("]")[2]:
        place += ":443" if scheme == "https" else ":80"
    return Endpoints(gateway=place, issuer=issuer.rstrip("/"), tls=scheme == "https")


def config_folder() -> Path:
    """The folder of a person's own state: LUMBUNG_HOME, else `~/.config/lumbung`."""
    return Path(os.environ.get("LUMBUNG_HOME") or Path.home() / ".config" / "lumbung")
