"""Verifies access tokens (RFC 9068, RFC 8725): signature, issuer, audience, algorithm, authorised party."""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from typing import Any

import httpx
import jwt

from servicekit.auth.principal import Principal
from servicekit.errors import Text, UnauthenticatedError, UnavailableError
from servicekit.settings import AuthSettings

__all__ = ["TokenVerifier"]

ALGORITHMS = ["RS256", "PS256", "ES256"]
MIN_REFRESH_SECONDS = 5.0
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


class TokenVerifier:
    """Makes a `Principal` of a token, or refuses it.

    Keys come from the issuer's key set, fetched when first needed and again when a token names an unknown key.
    A verified token is remembered until it expires, by the SHA-256 of its text.
    """

    def __init__(self, settings: AuthSettings, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http = http
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -MIN_REFRESH_SECONDS
        self._lock = asyncio.Lock()
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

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
        cached = self._known.get(digest)
        if cached is not None and cached[0] > time.time():
            return cached[1]
        claims = await self._claims(token)
        principal = _principal_from_claims(claims)
        self._known[digest] = (float(claims["exp"]), principal)
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise _refuse(
                "The token is not a JWT.", "Token bukan JWT yang sah.", "TOKEN_MALFORMED"
            ) from error
        if header.get("alg") not in ALGORITHMS:
            raise _refuse(
                f"The token's algorithm {header.get('alg')!r} is not accepted.",
                f"Algoritma token {header.get('alg')!r} tidak diterima.",
                "TOKEN_ALGORITHM",
            )
        key = await self._key(str(header.get("kid", "")))
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
        except jwt.PyJWTError as error:
            raise _refuse(
                f"The token does not hold: {error}.", "Token tidak sah.", "TOKEN_INVALID"
            ) from error
        if claims.get("azp") not in self._settings.authorized_parties:
            raise _refuse(
                f"The token was issued to {claims.get('azp')!r}, which may not call this service.",
                f"Token diterbitkan untuk {claims.get('azp')!r}, yang tidak boleh memanggil layanan ini.",
                "TOKEN_AUTHORIZED_PARTY",
            )
        if claims.get("typ", "Bearer") != "Bearer":
            raise _refuse("This is not an access token.", "Ini bukan token akses.", "TOKEN_TYPE")
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys:
            async with self._lock:
                if kid not in self._keys and time.monotonic() - self._fetched_at >= MIN_REFRESH_SECONDS:
                    await self._refresh()
        key = self._keys.get(kid)
        if key is None:
            raise _refuse(
                "The token is signed with a key that the issuer does not have.",
                "Token ditandatangani dengan kunci yang tidak dikenal.",
                "TOKEN_KEY",
            )
        return key

    async def _refresh(self) -> None:
        try:
            if self._http is not None:
                response = await self._http.get(self._settings.jwks_url, timeout=5.0)
            else:
                async with httpx.AsyncClient(trust_env=False) as http:
                    response = await http.get(self._settings.jwks_url, timeout=5.0)
            response.raise_for_status()
            documents = response.json()["keys"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise UnavailableError(
                Text(
                    en="The sign-in service does not answer, so tokens cannot be checked.",
                    id="Layanan masuk tidak menjawab sehingga token tidak dapat diperiksa.",
                ),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=2.0,
                reason="KEYS_UNAVAILABLE",
            ) from error
        self._keys = {
            document["kid"]: jwt.PyJWK(document)
            for document in documents
            if document.get("use", "sig") == "sig" and document.get("alg", "RS256") in ALGORITHMS
        }
        self._fetched_at = time.monotonic()


def _principal_from_claims(claims: dict[str, Any]) -> Principal:
    access = claims.get("realm_access")
    listed = access.get("roles") if isinstance(access, dict) else None
    roles = listed if isinstance(listed, list) else []
    office = claims.get("office", "")
    return Principal(
        subject=str(claims["sub"]),
        username=str(claims.get("preferred_username", claims["sub"])),
        roles=frozenset(str(role) for role in roles),
        office=str(office[0] if isinstance(office, list) and office else office or ""),
        authorized_party=str(claims.get("azp", "")),
    )
