"""Verifies access tokens (RFC 9068, RFC 8725): signature, issuer, audience, algorithm, authorised party."""

import hashlib
import re
import time
from collections import OrderedDict
from typing import Any, NamedTuple

import httpx
import jwt

from servicekit.auth.keys import ALGORITHMS, KeySet
from servicekit.auth.principal import Principal
from servicekit.errors import Text, UnauthenticatedError
from servicekit.settings import AuthSettings

__all__ = ["TokenVerifier"]

CACHE_SIZE = 4096
MAX_TOKEN_CHARS = 16_384
# One token in three parts and nothing else: a lenient decoder would skip what it does not know.
_BEARER = re.compile(r"bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.IGNORECASE | re.ASCII)

_REMEDY = Text(
    en="Sign in with `lumbung login` (systems: ask the token endpoint for a new token) and send it as `authorization: Bearer …`.",
    id="Masuk dengan `lumbung login` (sistem: minta token baru) lalu kirim sebagai `authorization: Bearer …`.",
)


def _refuse(en: str, indonesian: str, reason: str) -> UnauthenticatedError:
    return UnauthenticatedError(Text(en=en, id=indonesian), _REMEDY, reason=reason)


class _Known(NamedTuple):
    expires_at: float
    kid: str
    principal: Principal


class TokenVerifier:
    """Makes a `Principal` of a token, or refuses it.

    A verified token is remembered until its `exp`, by the SHA-256 of its text, as long as the issuer keeps the key
    that signed it. After `exp` it is verified anew, and refused once the leeway is over.
    """

    def __init__(self, settings: AuthSettings, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._keys = KeySet(settings.jwks_url, http)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def load_keys(self) -> None:
        """Has the issuer's keys at hand before the first call; without an answer it goes on without them."""
        await self._keys.load()

    async def principal(self, authorization: str | None) -> Principal:
        """The caller behind an `authorization` header.

        Raises:
            UnauthenticatedError: no token, or one that does not hold.
            UnavailableError: the issuer's keys cannot be had.
        """
        if not authorization:
            raise _refuse("The request has no token.", "Permintaan tidak menyertakan token.", "TOKEN_MISSING")
        match = _BEARER.fullmatch(authorization) if len(authorization) <= MAX_TOKEN_CHARS else None
        if match is None:
            raise _refuse(
                "The authorization header is not `Bearer <token>`.",
                "Header authorization bukan `Bearer <token>`.",
                "TOKEN_MALFORMED",
            )
        token = match.group(1)
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known.expires_at > time.time() and self._keys.holds(known.kid):
            self._known.move_to_end(digest)
            return known.principal
        kid, claims = await self._claims(token)
        principal = _principal_from_claims(claims)
        self._known[digest] = _Known(float(claims["exp"]), kid, principal)
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refuse(
                "The token is not a JWT.", "Token bukan JWT yang sah.", "TOKEN_MALFORMED"
            ) from error
        if header.get("alg") not in ALGORITHMS:
            raise _refuse(
                f"The token's algorithm {header.get('alg')!r} is not accepted.",
                f"Algoritma token {header.get('alg')!r} tidak diterima.",
                "TOKEN_ALGORITHM",
            )
        kid = str(header.get("kid", ""))
        key = await self._keys.key(kid)
        if key is None:
            raise _refuse(
                "The token is signed with a key that the issuer does not have.",
                "Token ditandatangani dengan kunci yang tidak dikenal.",
                "TOKEN_KEY",
            )
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=ALGORITHMS,
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise _refuse("The token has expired.", "Token sudah kedaluwarsa.", "TOKEN_EXPIRED") from error
        except jwt.InvalidAudienceError as error:
            raise _refuse(
                f"The token is not meant for {self._settings.audience}.",
                f"Token tidak ditujukan untuk {self._settings.audience}.",
                "TOKEN_AUDIENCE",
            ) from error
        except jwt.InvalidIssuerError as error:
            raise _refuse(
                "The token comes from another issuer.", "Token diterbitkan pihak lain.", "TOKEN_ISSUER"
            ) from error
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
            raise _refuse(
                f"The token does not hold: {error}.", f"Token tidak sah: {error}.", "TOKEN_INVALID"
            ) from error
        self._check_issued_to(claims)
        return kid, claims

    def _check_issued_to(self, claims: dict[str, Any]) -> None:
        if claims.get("azp") not in self._settings.authorized_parties:
            raise _refuse(
                f"The token was issued to {claims.get('azp')!r}, which may not call this service.",
                f"Token diterbitkan untuk {claims.get('azp')!r}, yang tidak boleh memanggil layanan ini.",
                "TOKEN_AUTHORIZED_PARTY",
            )
        if claims.get("typ", "Bearer") != "Bearer":
            raise _refuse("This is not an access token.", "Ini bukan token akses.", "TOKEN_TYPE")
        if not claims["sub"]:
            raise _refuse("The token names nobody.", "Token tidak menyebut pemiliknya.", "TOKEN_INVALID")


def _principal_from_claims(claims: dict[str, Any]) -> Principal:
    access = claims.get("realm_access")
    roles = access.get("roles") if isinstance(access, dict) else None
    username = claims.get("preferred_username")
    return Principal(
        subject=claims["sub"],
        username=username if isinstance(username, str) and username else claims["sub"],
        # Anything but a list of texts gives no role: a text "admin" is not the roles a, d, m, i, n.
        roles=frozenset(role for role in roles if isinstance(role, str))
        if isinstance(roles, list)
        else frozenset(),
        office=_office(claims.get("office")),
        authorized_party=str(claims.get("azp", "")),
    )


def _office(claim: Any) -> str:
    """The office as text; of several (an attribute with many values) the first."""
    first = claim[0] if isinstance(claim, list) and claim else claim
    return first if isinstance(first, str) else str(first) if isinstance(first, int) else ""
