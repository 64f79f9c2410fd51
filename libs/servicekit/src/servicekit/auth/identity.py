"""The service's own token, for calling other services (client credentials, RFC 6749 section 4.4)."""

import asyncio
import time
from typing import Any

import httpx

from servicekit.errors import Text, UnavailableError
from servicekit.settings import IdentitySettings
from servicekit.telemetry import get_logger

__all__ = ["ServiceIdentity"]

_log = get_logger(__name__)

RENEW_BEFORE_SECONDS = 60.0
RETRY_SECONDS = 1.0
ASK_SECONDS = 10.0


class ServiceIdentity:
    """Gets a token when one is needed and renews it before it expires.

    While the sign-in service does not answer, the token at hand serves until it expires.
    """

    def __init__(self, settings: IdentitySettings, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http = http
        self._token = ""
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._failed_at = -RETRY_SECONDS
        self._lock = asyncio.Lock()

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Call metadata with the `authorization` header."""
        return (("authorization", f"Bearer {await self.token()}"),)

    async def token(self) -> str:
        """A token that is good for at least a short while.

        Raises:
            UnavailableError: the sign-in service does not give one.
        """
        if time.monotonic() < self._renew_at:
            return self._token
        async with self._lock:
            # Those who waited here share the outcome, a failure too: an outage is not asked about once per caller.
            if time.monotonic() >= self._renew_at and time.monotonic() - self._failed_at >= RETRY_SECONDS:
                await self._renew()
        if time.monotonic() < self._expires_at:
            return self._token
        raise UnavailableError(
            Text(
                en="The sign-in service gives this service no token.",
                id="Layanan masuk tidak memberikan token kepada layanan ini.",
            ),
            Text(en="Try again in a moment.", id="Coba lagi sebentar."),
            retry_after_seconds=2.0,
            reason="IDENTITY_UNAVAILABLE",
        )

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        try:
            answer = await self._ask()
            token, lifetime = str(answer["access_token"]), float(answer["expires_in"])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError) as error:
            self._failed_at = time.monotonic()
            _log.error(
                "no token for this service",
                client=self._settings.client_id,
                url=self._settings.token_url,
                cause=repr(error),
            )
            return
        self._token = token
        self._expires_at = asked_at + lifetime
        self._renew_at = asked_at + lifetime - min(RENEW_BEFORE_SECONDS, lifetime / 2)

    async def _ask(self) -> Any:
        if self._http is not None:
            response = await self._post(self._http)
        else:
            async with httpx.AsyncClient(trust_env=False) as http:
                response = await self._post(http)
        response.raise_for_status()
        return response.json()

    async def _post(self, http: httpx.AsyncClient) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
        }
        return await http.post(self._settings.token_url, data=form, timeout=ASK_SECONDS)
