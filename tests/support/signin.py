"""A throw-away sign-in service: a key set, client-credentials tokens, and tokens for anybody."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.jsonserver import Answer, Asked, serve_json
from support.tokens import issue, jwks, new_key

__all__ = ["SignIn", "run_signin"]

_SECONDS = 3600


class SignIn:
    """Issues tokens as the realm would; `service` is the account that its token endpoint knows."""

    def __init__(self, service: str) -> None:
        self._key = new_key()
        self._service = service
        self.address = ""

    @property
    def issuer(self) -> str:
        """Issuer of the tokens."""
        return f"{self.address}/realms/lumbung"

    @property
    def jwks_url(self) -> str:
        """Where the key set is."""
        return f"{self.address}/keys"

    @property
    def token_url(self) -> str:
        """Where services get their tokens."""
        return f"{self.address}/token"

    def token(self, username: str, *roles: str, office: str = "", **changes: Any) -> str:
        """An access token of an account."""
        claims: dict[str, Any] = {
            "sub": f"subject-{username}",
            "preferred_username": username,
            "exp": int(time.time()) + _SECONDS,
            "realm_access": {"roles": list(roles)},
            "office": office or None,
        }
        return issue(self._key, self.issuer, **(claims | changes))

    def answer(self, asked: Asked) -> Answer:
        """The key set, or a token for the service."""
        if asked.method == "GET":
            return Answer(jwks(self._key))
        token = self.token(self._service, "service", azp=self._service)
        return Answer({"access_token": token, "expires_in": _SECONDS})


@contextmanager
def run_signin(service: str) -> Iterator[SignIn]:
    """A running sign-in service on a free port, for a service's own account and for anybody else."""
    signin = SignIn(service)
    with serve_json(signin.answer) as signin.address:
        yield signin
