"""Secrets of the stack: generated once, kept in files of mode 0600."""

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from localstack.layout import write_private
from platformsetup import DATABASES
from platformsetup.identity.realm import confidential_clients, role_accounts

_SINGLE = (
    "postgres-superuser",
    "s3-secret-key",
    "seaweed-volume",
    "seaweed-volume-read",
    "seaweed-filer",
    "seaweed-filer-read",
    "keycloak-admin",
    "telemetry-token",
    "ray-token",
    "kafka-password",
    "practice-source",
    "portal-session",
    "audit-checkpoint",
    "stack-mark",
)


@dataclass(frozen=True)
class Vault:
    """Secrets below one private folder, by name."""

    folder: Path

    def ensure(self) -> None:
        """Generate what is missing; existing secrets never change."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in _SINGLE:
            if not self.path(name).exists():
                write_private(self.path(name), _token())
        self._ensure_table("databases", DATABASES, _token)
        self._ensure_table("clients", confidential_clients(), _token)
        self._ensure_table("accounts", role_accounts(), _password)

    def path(self, name: str) -> Path:
        """File of a single secret."""
        return self.folder / name

    def read(self, name: str) -> str:
        """A single secret."""
        return self.path(name).read_text()

    def table(self, name: str) -> dict[str, str]:
        """A table of secrets: `databases`, `clients` or `accounts`."""
        loaded: dict[str, str] = json.loads((self.folder / f"{name}.json").read_text())
        return loaded

    def _ensure_table(self, name: str, keys: Iterable[str], make: Callable[[], str]) -> None:
        path = self.folder / f"{name}.json"
        known = self.table(name) if path.exists() else {}
        missing = {key: make() for key in keys if key not in known}
        if missing:
            write_private(path, json.dumps(known | missing, indent=1))


def _token() -> str:
    return secrets.token_urlsafe(32)


def _password() -> str:
    return secrets.token_urlsafe(12)
