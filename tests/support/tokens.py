"""Tokens, good and bad, and the table of calls that nobody may get through with.

`issue` makes a good token with a test's own key. `bad_calls` derives the table from one genuine token: with the
issuer's private key every case is signed properly and fails only for the one thing that its name says; without it
(a real sign-in service keeps its key) such a case is signed by a stranger and has to fail all the more.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["BadCall", "Target", "bad_calls", "issue", "jwks", "new_key"]

_UNKNOWN = frozenset({"UNAUTHENTICATED"})
_AUDIENCE = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
_FORBIDDEN = frozenset({"PERMISSION_DENIED"})
# Edge and service may say in their own way that there is no such thing.
_NOWHERE = frozenset(
    {"PERMISSION_DENIED", "UNIMPLEMENTED", "UNAUTHENTICATED", "INVALID_ARGUMENT", "NOT_FOUND"}
)
# A transport that refuses the headers resets the stream before there is a status.
_TOO_BIG = frozenset(
    {"UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "UNKNOWN", "CANCELLED"}
)


@dataclass(frozen=True)
class Target:
    """Methods that the calls aim at, as `/package.Service/Method`.

    The genuine token may call `method`, thanks to `role`, and may not call `forbidden`; `internal` is for
    services only, and `unruled` states no access rule.
    """

    role: str = "contributor"
    method: str = "/lumbung.ingest.v1.SubmissionService/GetSubmission"
    forbidden: str = "/lumbung.catalog.v1.DatasetService/ApplyDataset"
    internal: str = "/lumbung.catalog.v1.PolicyService/DecideAccess"
    unruled: str = "/lumbung.ingest.v1.SubmissionService/DeleteEverything"


@dataclass(frozen=True)
class BadCall:
    """One call that has to be refused with one of `codes` (names of gRPC codes)."""

    name: str
    path: str
    metadata: tuple[tuple[str, str], ...]
    codes: frozenset[str]


def new_key() -> rsa.RSAPrivateKey:
    """A fresh signing key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(key: rsa.RSAPrivateKey, kid: str = "k1") -> dict[str, Any]:
    """The key set that an issuer with this key publishes."""
    document = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [document | {"kid": kid, "use": "sig", "alg": "RS256"}]}


def issue(key: rsa.RSAPrivateKey, issuer: str, *, kid: str = "k1", **changes: Any) -> str:
    """A good token of the role `contributor`, with claims changed; a claim changed to None is left out."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": ["lumbung-api", "account"],
        "azp": "lumbung-cli",
        "sub": "s-1",
        "typ": "Bearer",
        "preferred_username": "kontributor-pusat",
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": ["contributor"]},
    } | changes
    return _sign(key, {name: value for name, value in claims.items() if value is not None}, {"kid": kid})


def _sign(key: rsa.RSAPrivateKey, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), key, algorithm="RS256", headers=dict(header))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unsigned(header: Mapping[str, Any], claims: Mapping[str, Any], signature: str = "") -> str:
    head, body = (_b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{head}.{body}.{signature}"


def _hmac(
    claims: Mapping[str, Any], secret: bytes, header: Mapping[str, Any], hash_name: str = "sha256"
) -> str:
    bare = _unsigned(header, claims).rstrip(".")
    return f"{bare}.{_b64(hmac.digest(secret, bare.encode(), hash_name))}"


class _Maker:
    """Collects the calls."""

    def __init__(self, genuine: str, target: Target) -> None:
        self.genuine = genuine
        self.target = target
        self.calls: list[BadCall] = []

    def token(self, name: str, token: str, codes: frozenset[str] = _UNKNOWN, path: str = "") -> None:
        self.headers(name, (("authorization", f"Bearer {token}"),), codes, path)

    def headers(
        self,
        name: str,
        metadata: tuple[tuple[str, str], ...],
        codes: frozenset[str] = _UNKNOWN,
        path: str = "",
    ) -> None:
        self.calls.append(BadCall(name, path or self.target.method, metadata, codes))


def bad_calls(
    genuine: str,
    public_key: rsa.RSAPublicKey,
    *,
    signing_key: rsa.RSAPrivateKey | None = None,
    issued: Mapping[str, str] | None = None,
    target: Target | None = None,
) -> list[BadCall]:
    """The table.

    Args:
        genuine: a token that is good for `target.method`.
        public_key: the issuer's key that `genuine` is signed with.
        signing_key: its private half, where the test has it.
        issued: genuine but unfit tokens of the real issuer by case name ("id-token", "other-realm",
            "wrong-audience", "wrong-authorised-party", "no-roles" …); they replace the made ones.
        target: the methods to call.
    """
    maker = _Maker(genuine, target or Target())
    header = jwt.get_unverified_header(genuine)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    stranger = new_key()
    _without_token(maker)
    _wrong_claims(maker, claims, header, signing_key or stranger, dict(issued or {}))
    _wrong_algorithms(maker, claims, header, public_key)
    _wrong_keys(maker, claims, header, stranger)
    _mangled(maker, claims, header)
    _wrong_places(maker)
    _wrong_methods(maker)
    return maker.calls


def _without_token(maker: _Maker) -> None:
    maker.headers("no-token", ())
    maker.headers("empty-authorization", (("authorization", ""),))
    maker.headers("bearer-without-token", (("authorization", "Bearer "),))
    maker.token("garbage", "garbage")
    maker.token("garbage-in-three-parts", "a.b.c")
    maker.headers("basic", (("authorization", "Basic " + base64.b64encode(b"admin:admin").decode()),))
    maker.headers("token-without-scheme", (("authorization", maker.genuine),))
    maker.headers("bearer-twice", (("authorization", f"Bearer Bearer {maker.genuine}"),))
    spoofed = (
        ("x-jwt-payload", _b64(b'{"realm_access":{"roles":["admin"]}}')),
        ("x-jwt-sub", "admin-pusat"),
        ("x-lumbung-roles", "admin"),
        ("x-forwarded-user", "admin-pusat"),
    )
    maker.headers("spoofed-headers-without-token", spoofed)
    maker.headers(
        "spoofed-headers-with-token",
        (("authorization", f"Bearer {maker.genuine}"), *spoofed),
        _FORBIDDEN,
        maker.target.forbidden,
    )


def _wrong_claims(
    maker: _Maker,
    claims: dict[str, Any],
    header: dict[str, Any],
    key: rsa.RSAPrivateKey,
    issued: dict[str, str],
) -> None:
    now = int(time.time())
    issuer = str(claims["iss"])
    role = maker.target.role
    denied = _AUDIENCE  # a stranger's signature makes UNAUTHENTICATED of what would be PERMISSION_DENIED
    changes: list[tuple[str, dict[str, Any], frozenset[str]]] = [
        ("expired", {"exp": now - 3600, "iat": now - 7200}, _UNKNOWN),
        ("not-yet-valid", {"nbf": now + 3600}, _UNKNOWN),
        ("never-expires", {"exp": None}, _UNKNOWN),
        ("other-realm", {"iss": issuer.replace("/realms/", "/realms/other-")}, _UNKNOWN),
        ("issuer-lookalike", {"iss": f"{issuer}/"}, _UNKNOWN),
        ("wrong-audience", {"aud": "account"}, _AUDIENCE),
        ("no-audience", {"aud": None}, _AUDIENCE),
        ("audience-lookalike", {"aud": "lumbung-api-other"}, _AUDIENCE),
        ("wrong-authorised-party", {"azp": "stranger"}, _UNKNOWN),
        ("no-authorised-party", {"azp": None}, _UNKNOWN),
        ("id-token", {"typ": "ID"}, _AUDIENCE),
        ("refresh-token", {"typ": "Refresh"}, _AUDIENCE),
        ("no-subject", {"sub": None}, _UNKNOWN),
        ("no-roles", {"realm_access": None}, denied),
        ("empty-roles", {"realm_access": {"roles": []}}, denied),
        ("roles-as-text", {"realm_access": {"roles": role}}, denied),
        ("roles-as-object", {"realm_access": {"roles": {role: True}}}, denied),
        ("role-in-wrong-claim", {"realm_access": {}, "roles": [role], "groups": [role]}, denied),
        ("role-of-a-client", {"realm_access": {}, "resource_access": {"x": {"roles": [role]}}}, denied),
        ("role-lookalike", {"realm_access": {"roles": [role.upper(), f"{role} ", f"{role}s"]}}, denied),
    ]
    for name, change, codes in changes:
        changed = {key_: value for key_, value in (claims | change).items() if value is not None}
        maker.token(name, issued.get(name) or _sign(key, changed, {"kid": header["kid"]}), codes)
    maker.token("internal-method", maker.genuine, _NOWHERE, maker.target.internal)


def _wrong_algorithms(
    maker: _Maker, claims: dict[str, Any], header: dict[str, Any], public_key: rsa.RSAPublicKey
) -> None:
    kid = header["kid"]
    signature = maker.genuine.rsplit(".", 1)[1]
    for spelling in ("none", "None", "NONE", "nOnE"):
        maker.token(f"alg-{spelling}", _unsigned({"alg": spelling, "typ": "JWT", "kid": kid}, claims))
    maker.token("alg-none-signed", _unsigned({"alg": "none", "kid": kid}, claims, signature))
    maker.token("alg-missing", _unsigned({"typ": "JWT", "kid": kid}, claims, signature))
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public_key.public_bytes(serialization.Encoding.PEM, info)
    der = public_key.public_bytes(serialization.Encoding.DER, info)
    modulus = public_key.public_numbers().n
    number = modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")
    hs256 = {"alg": "HS256", "typ": "JWT", "kid": kid}
    maker.token("hs256-with-public-pem", _hmac(claims, pem, hs256))
    maker.token("hs256-with-public-der", _hmac(claims, der, hs256))
    maker.token("hs256-with-modulus", _hmac(claims, _b64(number).encode(), hs256))
    maker.token("hs256-with-nothing", _hmac(claims, b"", hs256))
    maker.token("hs512-with-public-pem", _hmac(claims, pem, hs256 | {"alg": "HS512"}, "sha512"))


def _wrong_keys(
    maker: _Maker, claims: dict[str, Any], header: dict[str, Any], stranger: rsa.RSAPrivateKey
) -> None:
    kid = header["kid"]
    public = jwks(stranger, kid)["keys"][0]
    maker.token("foreign-key", _sign(stranger, claims, {"kid": kid}))
    maker.token("foreign-key-unknown-kid", _sign(stranger, claims, {"kid": "nobody"}))
    maker.token("foreign-key-no-kid", _sign(stranger, claims, {}))
    empty = {"alg": "HS256", "typ": "JWT", "kid": "../../../../../dev/null"}
    maker.token("kid-is-a-path", _hmac(claims, b"", empty))
    maker.token("kid-is-a-query", _hmac(claims, b"a", empty | {"kid": "x' UNION SELECT 'a"}))
    maker.token("jku-header", _sign(stranger, claims, {"kid": kid, "jku": "http://127.0.0.1:1/keys"}))
    maker.token("x5u-header", _sign(stranger, claims, {"kid": kid, "x5u": "http://127.0.0.1:1/cert"}))
    maker.token("jwk-header", _sign(stranger, claims, {"kid": kid, "jwk": public}))


def _mangled(maker: _Maker, claims: dict[str, Any], header: dict[str, Any]) -> None:
    head, body, signature = maker.genuine.split(".")
    admin = claims | {"realm_access": {"roles": ["admin", "contributor"]}}
    maker.token("tampered-payload", f"{head}.{_b64(json.dumps(admin).encode())}.{signature}")
    other = _b64(json.dumps(header | {"alg": "RS512"}).encode())
    maker.token("tampered-header", f"{other}.{body}.{signature}")
    maker.token("truncated-signature", maker.genuine[:-8])
    maker.token("no-signature", f"{head}.{body}.")
    maker.token("two-parts", f"{head}.{body}")
    maker.token("five-parts", f"{maker.genuine}.{hashlib.sha256(body.encode()).hexdigest()}.x")


def _wrong_places(maker: _Maker) -> None:
    good = ("authorization", f"Bearer {maker.genuine}")
    bad = ("authorization", "Bearer a.b.c")
    maker.headers("two-authorizations-good-first", (good, bad))
    maker.headers("two-authorizations-bad-first", (bad, good))
    maker.headers("token-in-cookie", (("cookie", f"access_token={maker.genuine}"),))
    maker.headers("token-in-query", (), _NOWHERE, f"{maker.target.method}?access_token={maker.genuine}")
    maker.headers("huge-header", (("authorization", "Bearer " + "a" * 150_000),), _TOO_BIG)


def _wrong_methods(maker: _Maker) -> None:
    target = maker.target
    service, method = target.internal.lstrip("/").split("/")
    first, rest = service[0], service[1:]
    paths = {
        "unknown-service": "/lumbung.secrets.v1.SecretService/GetSecret",
        "unknown-method": target.method + "Please",
        "method-without-rule": target.unruled,
        "reflection": "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "reflection-v1": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "path-escaped-slash": f"/{service}%2F{method}",
        "path-double-slash": f"//{service}//{method}",
        "path-dot-segments": f"/grpc.health.v1.Health/../{service}/{method}",
        "path-escaped-letter": f"/%{ord(first):02x}{rest}/{method}",
        "path-other-case": f"/{service.upper()}/{method}",
        "path-open-prefix": f"/portal/../{service}/{method}",
    }
    maker.token("wrong-role", maker.genuine, _FORBIDDEN, target.forbidden)
    for name, path in paths.items():
        maker.token(name, maker.genuine, _NOWHERE, path)
