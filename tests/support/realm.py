"""A small OpenID provider on loopback: discovery, code flow with PKCE, keys. It signs in whoever comes."""

import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from support.jsonserver import Answer, Asked, serve_json
from support.tokens import jwks, new_key

__all__ = ["Realm", "run_realm"]


@dataclass
class Realm:
    """The provider; `codes` are the ones it has given and not yet taken back."""

    issuer: str
    key: rsa.RSAPrivateKey
    client_id: str = "lumbung-portal"
    nonce: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redirect_uris: set[str] = field(default_factory=set)

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/certs",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def answer(self, asked: Asked) -> Answer:
        """Discovery, keys, the authorization endpoint (a redirect) and the token endpoint."""
        if asked.method == "POST":
            found = self.exchange(asked.form)
            return Answer(found or {"error": "invalid_grant"}, 200 if found else 400)
        if asked.path.endswith("/.well-known/openid-configuration"):
            return Answer(self.discovery())
        if asked.path.endswith("/certs"):
            return Answer(jwks(self.key))
        if asked.path.endswith("/auth"):
            target = self.authorize(asked.query)
            return Answer(None, 302 if target else 400, {"location": target or ""})
        return Answer(None)

    def authorize(self, asked: dict[str, str]) -> str | None:
        """The place to send the browser to, or None for a client or a return address that is not known."""
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") not in self.redirect_uris:
            return None
        if asked.get("code_challenge_method") != "S256" or not asked.get("state"):
            return None
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return (
            asked["redirect_uri"]
            + "?"
            + urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        )

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Tokens for a code whose verifier fits its challenge (RFC 7636)."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "s-7",
            "preferred_username": "analis-kanwil-32",
            "nonce": self.nonce or asked.get("nonce"),
            "iat": now,
            "exp": now + 300,
        }
        id_token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k1"})
        return {
            "access_token": "secret-access",
            "id_token": id_token,
            "token_type": "Bearer",
            "expires_in": 300,
        }


@contextlib.contextmanager
def run_realm() -> Iterator[Realm]:
    """Starts the provider on a free port."""
    realm = Realm("", new_key())
    with serve_json(realm.answer) as address:
        realm.issuer = f"{address}/realms/lumbung"
        yield realm
