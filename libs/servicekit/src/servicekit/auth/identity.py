"""The service's own token, for calling other services (client credentials, RFC 6749 section 4.4)."""

import asyncio
import time
from typing import Any

import httpx

from servicekit.errors import Text, UnavailableError
from servicekit.settings import IdentitySettings

__all__ = ["ServiceIdentity"]

RENEW_BEFORE_SECONDS = 60.0


class ServiceIdentity:
    """Gets a token when one is needed and renews it before it expires."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._settings = settings
        self._token = ""
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Call metadata with the `authorization` header."""
        return (("authorization", f"Bearer {await self.token()}"),)

    async def token(self) -> str:
        """A token that is good for at least a short while.

        Raises:
            UnavailableError: the sign-in service does not give one.
        """
        if time.monotonic() < self._expires_at - RENEW_BEFORE_SECONDS:
            return self._token
        async with self._lock:
            if time.monotonic() >= self._expires_at - RENEW_BEFORE_SECONDS:
                answer = await self._ask()
                self._token = str(answer["access_token"])
                self._expires_at = time.monotonic() + float(answer["expires_in"])
        return self._token

    async def _ask(self) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
        }
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                response = await http.post(self._settings.token_url, data=form, timeout=10.0)
                response.raise_for_status()
                return dict(response.json())
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError(
                Text(
                    en="The sign-in service gives this service no token.",
                    id="Layanan masuk tidak memberikan token kepada layanan ini.",
                ),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=2.0,
                reason="IDENTITY_UNAVAILABLE",
            ) from error
