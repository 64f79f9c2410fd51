"""A throw-away sign-in service: a key set, client-credentials tokens, and tokens for anybody."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["SignIn", "run_signin"]


class SignIn:
    """Issues tokens as the realm would."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
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

    def key_set(self) -> dict[str, Any]:
        """The public key as a JWK set."""
        document = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**document, "kid": "k1", "use": "sig", "alg": "RS256"}]}

    def token(self, username: str, *roles: str, office: str = "", **changes: Any) -> str:
        """An access token of an account."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "lumbung-api",
            "azp": "lumbung-cli",
            "sub": f"subject-{username}",
            "typ": "Bearer",
            "preferred_username": username,
            "iat": now,
            "exp": now + 3600,
            "realm_access": {"roles": list(roles)},
        }
        if office:
            claims["office"] = office
        return jwt.encode(claims | changes, self._key, algorithm="RS256", headers={"kid": "k1"})


@contextmanager
def run_signin() -> Iterator[SignIn]:
    """A running sign-in service on a free port."""
    signin = SignIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(signin.key_set())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            token = signin.token("service-account", "service", azp="svc-compute")
            self._answer({"access_token": token, "expires_in": 3600})

        def _answer(self, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signin.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield signin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
