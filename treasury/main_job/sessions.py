"""One client per role account of the local stack."""

import time
from dataclasses import dataclass, field

from lumbung.client import Client
from lumbung.config import Endpoints, find_endpoints
from lumbung.credentials import Credentials, role_account_login

__all__ = ["Sessions"]

RENEW_BEFORE_SECONDS = 120.0


@dataclass
class Sessions:
    """Signs in when an account is first needed, and again before its token ends."""

    endpoints: Endpoints = field(default_factory=find_endpoints)
    _signed_in: dict[str, Credentials] = field(default_factory=dict)
    _clients: dict[str, Client] = field(default_factory=dict)

    def token(self, account: str) -> str:
        """A token of the account, good for two minutes or more."""
        kept = self._signed_in.get(account)
        if kept is None or kept.expires_at - RENEW_BEFORE_SECONDS < time.time():
            kept = self._signed_in[account] = role_account_login(self.endpoints, account)
        return kept.access_token

    def client(self, account: str) -> Client:
        """The account's client; all its calls share one trace."""
        if account not in self._clients:
            self._clients[account] = self.new_client(account)
        return self._clients[account]

    def new_client(self, account: str) -> Client:
        """A client with a trace of its own."""
        return Client(self.endpoints, lambda: self.token(account))

    def nobody(self) -> Client:
        """A client without a token."""
        return Client(self.endpoints, lambda: "")

    def close(self) -> None:
        """Closes every client."""
        for client in self._clients.values():
            client.close()
