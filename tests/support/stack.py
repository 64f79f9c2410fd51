"""The local stack of this checkout as a test sees it: addresses, secrets, tokens, clients."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from localstack.settings import StackSettings, load_settings
from lumbung.client import Client
from lumbung.config import Endpoints
from lumbung.credentials import Credentials, role_account_login, service_login

__all__ = ["ROOT", "RunningStack", "run_stack"]

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 600
_RENEW_BEFORE_SECONDS = 240.0


@dataclass
class RunningStack:
    """A running stack. Tokens are the real sign-in service's own, kept for as long as they last."""

    settings: StackSettings
    _signed_in: dict[str, Credentials] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The stack's own description of itself."""
        found: dict[str, Any] = json.loads((self.settings.data_dir / "stack.json").read_text())
        return found

    @property
    def endpoints(self) -> Endpoints:
        """Gateway and issuer."""
        return Endpoints(self.description["gateway_target"], self.description["issuer"])

    @property
    def gateway(self) -> str:
        """host:port of the gateway."""
        return str(self.description["gateway_target"])

    @property
    def gateway_url(self) -> str:
        """URL of the gateway."""
        return str(self.description["gateway_url"])

    @property
    def keycloak_url(self) -> str:
        """URL of the sign-in service, without realm."""
        return self.settings.ports.url("keycloak")

    def behind(self, part: str) -> str:
        """host:port of a part by its name in the port plan, past the gateway."""
        return self.settings.ports.address(part)

    def secrets(self, name: str) -> dict[str, str]:
        """A file of secrets: `accounts` or `clients`."""
        found: dict[str, str] = json.loads(Path(self.description["files"][name]).read_text())
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a child process that talks to this stack."""
        return {
            **os.environ,
            "LUMBUNG_BASE_PORT": str(self.settings.base_port),
            "LUMBUNG_DATA_DIR": str(self.settings.data_dir),
            "LUMBUNG_STACK_FILE": str(self.settings.data_dir / "stack.json"),
        }

    def token(self, account: str) -> str:
        """A token of a role account, or of a client of an internal system."""
        kept = self._signed_in.get(account)
        if kept is None or kept.expires_at - _RENEW_BEFORE_SECONDS < time.time():
            kept = self._signed_in[account] = self._sign_in(account)
        return kept.access_token

    def client(self, account: str, language: str = "en") -> Client:
        """The account's client; it is closed with the stack."""
        if (account, language) not in self._clients:
            self._clients[account, language] = self.new_client(account, language)
        return self._clients[account, language]

    def new_client(self, account: str, language: str = "en") -> Client:
        """A client with a trace of its own; whoever asks for it closes it."""
        return Client(self.endpoints, lambda: self.token(account), language)

    def nobody(self, language: str = "en") -> Client:
        """A client without a token."""
        return Client(self.endpoints, lambda: "", language)

    def close(self) -> None:
        """Closes the clients."""
        for client in self._clients.values():
            client.close()

    def ask_issuer(self, realm: str, path: str, form: dict[str, str]) -> dict[str, Any]:
        """An answer of a realm's OpenID endpoint."""
        url = f"{self.keycloak_url}/realms/{realm}/protocol/openid-connect/{path}"
        answer: dict[str, Any] = httpx.post(url, data=form, trust_env=False, timeout=15).json()
        return answer

    def _sign_in(self, account: str) -> Credentials:
        clients = self.secrets("clients")
        if account in clients:
            return service_login(self.endpoints, account, clients[account])
        return role_account_login(self.endpoints, account)


def _manage(command: str, environment: dict[str, str]) -> None:
    """Runs `python -m localstack`; its output is shown when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "localstack", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"`localstack {command}` failed:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")


@contextmanager
def run_stack() -> Iterator[RunningStack]:
    """The checkout's stack, as LUMBUNG_BASE_PORT and LUMBUNG_DATA_DIR say. Who finds it stopped leaves it stopped.

    `up` restarts parts whose code has changed; with LUMBUNG_STACK_AS_IS=1 what runs is used as it is.
    """
    settings = load_settings()
    stack = RunningStack(settings)
    named = os.environ.get("LUMBUNG_STACK_FILE")
    was_up = (settings.data_dir / "run" / "wanted.json").exists()
    environment = {**os.environ, "LUMBUNG_DATA_DIR": str(settings.data_dir)}
    if not (was_up and os.environ.get("LUMBUNG_STACK_AS_IS")):
        _manage("up", environment)
    os.environ["LUMBUNG_STACK_FILE"] = str(settings.data_dir / "stack.json")
    try:
        yield stack
    finally:
        stack.close()
        if named is None:
            del os.environ["LUMBUNG_STACK_FILE"]
        else:
            os.environ["LUMBUNG_STACK_FILE"] = named
        if not was_up:
            _manage("down", environment)
