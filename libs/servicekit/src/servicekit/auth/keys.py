"""The issuer's public keys (RFC 7517): fetched when needed, kept while the issuer does not answer."""

import asyncio
import time
from typing import Any

import httpx
import jwt

from servicekit.errors import Text, UnavailableError
from servicekit.telemetry import get_logger

__all__ = ["ALGORITHMS", "KeySet"]

_log = get_logger(__name__)

ALGORITHMS = ["RS256", "PS256", "ES256"]
MIN_REFRESH_SECONDS = 5.0
MAX_AGE_SECONDS = 300.0
FETCH_SECONDS = 5.0


def _unavailable() -> UnavailableError:
    return UnavailableError(
        Text(
            en="The sign-in service does not answer, so tokens cannot be checked.",
            id="Layanan masuk tidak menjawab sehingga token tidak dapat diperiksa.",
        ),
        Text(en="Try again in a moment.", id="Coba lagi sebentar."),
        retry_after_seconds=2.0,
        reason="KEYS_UNAVAILABLE",
    )


class KeySet:
    """Keys by their `kid`.

    A token that names an unknown key causes a fetch, at most one in five seconds. Beside that the set is fetched
    anew in the background every five minutes, so that a key which the issuer has withdrawn is not trusted for longer.
    When a fetch fails the keys at hand stay.
    """

    def __init__(self, url: str, http: httpx.AsyncClient | None = None) -> None:
        self._url = url
        self._http = http
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at = -MIN_REFRESH_SECONDS
        self._failed = False
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Fetches the set before the first token asks for it; when the issuer does not answer, that token asks at once."""
        async with self._lock:
            await self._fetch()
            if self._failed:
                self._tried_at = -MIN_REFRESH_SECONDS

    def holds(self, kid: str) -> bool:
        """Whether the issuer had this key when last asked."""
        self._renew_when_old()
        return kid in self._keys

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key, or nothing when the issuer does not have it.

        Raises:
            UnavailableError: the key is unknown here and the issuer does not answer.
        """
        if kid not in self._keys:
            async with self._lock:
                if kid not in self._keys and self._age() >= MIN_REFRESH_SECONDS:
                    await self._fetch()
            if kid not in self._keys and self._failed:
                raise _unavailable()
        self._renew_when_old()
        return self._keys.get(kid)

    def _age(self) -> float:
        return time.monotonic() - self._tried_at

    def _renew_when_old(self) -> None:
        if self._age() >= MAX_AGE_SECONDS and (self._renewal is None or self._renewal.done()):
            self._tried_at = time.monotonic()
            self._renewal = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            document = await self._download()
            if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
                raise TypeError("the answer is no key set")  # noqa: TRY301 (one place tells every failure)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            self._failed = True
            _log.warning("the issuer's keys cannot be had", url=self._url, cause=repr(error))
            return
        self._failed = False
        self._keys = {kid: key for entry in document["keys"] for kid, key in _usable(entry)}

    async def _download(self) -> Any:
        if self._http is not None:
            response = await self._http.get(self._url, timeout=FETCH_SECONDS)
        else:
            async with httpx.AsyncClient(trust_env=False) as http:
                response = await http.get(self._url, timeout=FETCH_SECONDS)
        response.raise_for_status()
        return response.json()


def _usable(entry: Any) -> list[tuple[str, jwt.PyJWK]]:
    """The key of one entry of the set, if it is one that may sign tokens here; a strange entry spoils no other."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return []
    if entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHMS[0]) not in ALGORITHMS:
        return []
    try:
        key = jwt.PyJWK(entry)
    except (jwt.PyJWTError, ValueError) as error:
        _log.warning("a key of the issuer cannot be read", kid=entry["kid"], cause=repr(error))
        return []
    return [(entry["kid"], key)] if key.algorithm_name in ALGORITHMS else []
