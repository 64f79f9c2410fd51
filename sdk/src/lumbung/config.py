"""Where the platform is. From the environment, else from a local stack's own description."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Endpoints", "config_folder", "find_endpoints", "stack_description"]

DEFAULT_GATEWAY = "127.0.0.1:18000"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses: `gateway` is host:port, `issuer` the realm's URL; `tls` says whether the gateway speaks TLS."""

    gateway: str
    issuer: str
    tls: bool = False


def stack_description() -> dict[str, Any] | None:
    """The description of a local stack: the file LUMBUNG_STACK_FILE, else `.lumbung/stack.json` here or above."""
    named = os.environ.get("LUMBUNG_STACK_FILE")
    here = Path.cwd()
    candidates = (
        [Path(named)] if named else [folder / ".lumbung" / "stack.json" for folder in (here, *here.parents)]
    )
    for candidate in candidates:
        if candidate.is_file():
            described: dict[str, Any] = json.loads(candidate.read_text(encoding="utf-8"))
            return described
    return None


def find_endpoints(gateway: str | None = None) -> Endpoints:
    """Addresses by argument, then LUMBUNG_GATEWAY_URL and LUMBUNG_ISSUER, then a local stack, then the default."""
    stack = stack_description() or {}
    url = gateway or os.environ.get("LUMBUNG_GATEWAY_URL") or stack.get("gateway_url") or DEFAULT_GATEWAY
    issuer = (
        os.environ.get("LUMBUNG_ISSUER") or stack.get("issuer") or "http://127.0.0.1:18002/realms/lumbung"
    )
    tls = url.startswith("https://")
    return Endpoints(gateway=url.split("://")[-1].rstrip("/"), issuer=issuer, tls=tls)


def config_folder() -> Path:
    """The folder of a person's own state: LUMBUNG_HOME, else `~/.config/lumbung`."""
    return Path(os.environ.get("LUMBUNG_HOME") or Path.home() / ".config" / "lumbung")
