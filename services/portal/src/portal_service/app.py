"""Puts the portal together."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from portal_service.clients import PartProbe
from portal_service.middleware import ObservedMiddleware, SafeHeadersMiddleware
from portal_service.pages import Pages
from portal_service.service import StateService
from portal_service.sessions import SessionMiddleware, SessionStore
from portal_service.settings import PortalSettings
from portal_service.signin import CALLBACK, SignIn
from servicekit.errors import LumbungError

__all__ = ["Portal", "create_portal"]

_STATIC = {"portal.css": "text/css", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True)
class Portal:
    """The ASGI application and what has to be closed after it."""

    app: ASGIApp
    sessions: SessionStore
    close: Callable[[], Awaitable[None]]


def create_portal(settings: PortalSettings) -> Portal:
    """Builds everything; nothing connects yet."""
    probe = PartProbe(settings.probe_seconds)
    state = StateService(settings.parts, probe, settings.fresh_seconds)
    folder = Path(str(files("portal_service") / "static"))
    version = hashlib.sha256((folder / "portal.css").read_bytes()).hexdigest()[:12]
    pages = Pages.create(state, SignIn(settings), settings.time_zone, version)
    secure = settings.public_url.startswith("https://")
    issuer = urlsplit(settings.auth.issuer)
    sessions = SessionStore(settings.session.most)

    async def static(request: Request) -> Response:
        name = request.path_params.get("name", "icon.svg")
        if name not in _STATIC:
            raise HTTPException(404)
        return FileResponse(
            folder / name, media_type=_STATIC[name], headers={"cache-control": "public, max-age=86400"}
        )

    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/healthz", pages.healthz),
            Route("/portal/signin", pages.begin_sign_in),
            Route(CALLBACK, pages.finish_sign_in),
            Route("/portal/signout", pages.sign_out, methods=["POST"]),
            Route("/portal/static/{name}", static),
            Route("/favicon.ico", static),
        ],
        exception_handlers={
            LumbungError: pages.platform_error,
            HTTPException: pages.http_error,
            Exception: pages.unexpected,
        },
    )
    # Around the whole application, so that the page about a failure of ours gets the same headers.
    with_session = SessionMiddleware(app, store=sessions, settings=settings.session, secure=secure)
    safe = SafeHeadersMiddleware(
        with_session, sign_in_origin=f"{issuer.scheme}://{issuer.netloc}", secure=secure
    )
    return Portal(ObservedMiddleware(safe), sessions, probe.close)
