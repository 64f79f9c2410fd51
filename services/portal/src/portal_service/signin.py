"""Sign-in with the code flow and PKCE (RFC 7636). Tokens stay in the session on the server."""

from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from portal_service.errors import SignInError, SignInUnavailableError
from portal_service.sessions import renew_session
from portal_service.settings import PortalSettings
from servicekit.errors import Text

__all__ = ["SignIn"]

CALLBACK = "/portal/callback"


class SignIn:
    """Speaks with the realm on behalf of a browser."""

    def __init__(self, settings: PortalSettings) -> None:
        self._public_url = settings.public_url
        oauth = OAuth()
        self._client: Any = oauth.register(
            name="lumbung",
            client_id=settings.client_id,
            server_metadata_url=f"{settings.auth.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "none",
                "timeout": 5.0,
                "trust_env": False,
            },
        )

    async def begin(self, request: Request, then: str, language: str) -> Response:
        """Sends the browser to the realm; `then` is the page to come back to.

        Raises:
            SignInUnavailableError: the realm does not answer.
        """
        request.session.clear()
        request.session["then"] = then
        try:
            # Never by the Host header: whoever sends one could have the code sent elsewhere.
            response: Response = await self._client.authorize_redirect(
                request, f"{self._public_url}{CALLBACK}", ui_locales=language
            )
        except (httpx2.HTTPError, ValueError) as error:
            request.session.clear()
            raise _unavailable() from error
        return response

    async def finish(self, request: Request) -> str:
        """Takes the realm's answer, begins a signed-in session and gives the page to show.

        Raises:
            SignInError: refused, expired, or begun in another browser.
            SignInUnavailableError: the realm does not answer.
        """
        then = str(request.session.get("then", "/"))
        try:
            token = await self._client.authorize_access_token(request)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise SignInError(
                Text(en="Signing in did not work.", id="Proses masuk tidak berhasil."),
                Text(en="Please try again.", id="Silakan coba lagi."),
            ) from error
        except httpx2.HTTPError as error:
            raise _unavailable() from error
        claims = token["userinfo"]
        user = {"username": str(claims.get("preferred_username", claims["sub"])), "sub": str(claims["sub"])}
        kept = {name: token.get(name) for name in ("access_token", "refresh_token", "id_token")}
        renew_session(request.session, {"user": user, "tokens": kept})
        return then

    async def end(self, request: Request) -> str:
        """Ends the session here; gives the URL that ends it at the realm too."""
        hint = request.session.get("tokens", {}).get("id_token")
        request.session.clear()
        home = f"{self._public_url}/"
        if hint is None:
            return home
        try:
            metadata = await self._client.load_server_metadata()
        except (httpx2.HTTPError, ValueError):
            return home
        end = metadata.get("end_session_endpoint")
        if not end:
            return home
        return str(httpx2.URL(end, params={"id_token_hint": hint, "post_logout_redirect_uri": home}))


def _unavailable() -> SignInUnavailableError:
    return SignInUnavailableError(
        Text(en="The sign-in service does not answer.", id="Layanan masuk tidak menjawab."),
        Text(en="Try again in a moment.", id="Coba lagi sebentar."),
        retry_after_seconds=5.0,
    )
