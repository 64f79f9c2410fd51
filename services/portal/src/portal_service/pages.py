"""The pages: read the request, ask the service, fill in the template."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from portal_service.domain import return_path
from portal_service.languages import LANGUAGE_COOKIE, LANGUAGES, choose_language, load_translations
from portal_service.service import StateService
from portal_service.signin import SignIn
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import current_trace_id

__all__ = ["Pages"]

_STATUS = {"INVALID_ARGUMENT": 400, "UNAUTHENTICATED": 401, "UNAVAILABLE": 503}
_NOT_FOUND = 404


def _environment(language: str) -> Environment:
    made = Environment(
        loader=PackageLoader("portal_service"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(load_translations(language), newstyle=True)  # type: ignore[attr-defined]
    return made


@dataclass(frozen=True)
class Pages:
    """One method per page."""

    state: StateService
    sign_in: SignIn
    time_zone: str
    style_version: str
    environments: dict[str, Environment]

    @classmethod
    def create(cls, state: StateService, sign_in: SignIn, time_zone: str, style_version: str) -> "Pages":
        """Reads templates and catalogs once."""
        return cls(state, sign_in, time_zone, style_version, {name: _environment(name) for name in LANGUAGES})

    async def home(self, request: Request) -> Response:
        """The state of the parts for who is signed in, else the way to sign in."""
        if "user" not in request.session:
            return self._page(request, "landing.html")
        state = await self.state.platform_state()
        zone = ZoneInfo(self.time_zone)
        when = format_datetime(
            state.time.astimezone(zone), "d MMMM y HH:mm:ss zzz", tzinfo=zone, locale=choose_language(request)
        )
        return self._page(request, "state.html", state=state, when=when)

    async def begin_sign_in(self, request: Request) -> Response:
        """Off to the realm."""
        then = return_path(request.query_params.get("next"))
        return await self.sign_in.begin(request, then, choose_language(request))

    async def finish_sign_in(self, request: Request) -> Response:
        """Back from the realm."""
        return RedirectResponse(await self.sign_in.finish(request), status_code=303)

    async def sign_out(self, request: Request) -> Response:
        """Ends the session; only from the portal's own page."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise HTTPException(400)
        return RedirectResponse(await self.sign_in.end(request), status_code=303)

    async def healthz(self, request: Request) -> Response:
        """For the gateway and the supervisor: the portal itself runs."""
        del request
        return JSONResponse({"status": "SERVING"})

    async def platform_error(self, request: Request, error: Exception) -> Response:
        """A LumbungError as a page."""
        if not isinstance(error, LumbungError):
            return await self.unexpected(request, error)
        language = choose_language(request)
        message = error.message.in_language(language)
        remedy = error.remedy.in_language(language) if error.remedy else ""
        status = _STATUS.get(error.code, 500)
        return self._page(request, "message.html", status=status, message=message, remedy=remedy)

    async def http_error(self, request: Request, error: Exception) -> Response:
        """No such page, or not that way."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = (
            Text(en="There is no such page.", id="Halaman ini tidak ada.")
            if status == _NOT_FOUND
            else Text(
                en="The page cannot be asked for like this.", id="Halaman tidak dapat diminta seperti ini."
            )
        )
        return self._page(
            request,
            "message.html",
            status=status,
            message=text.in_language(choose_language(request)),
            remedy="",
        )

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """The portal's own fault: nothing but the trace id."""
        del error
        text = Text(
            en=f"The portal failed on this page. Tell the platform team the trace id {current_trace_id()}.",
            id=f"Portal gagal menyajikan halaman ini. Sampaikan id jejak {current_trace_id()} kepada tim platform.",
        )
        return self._page(
            request, "message.html", status=500, message=text.in_language(choose_language(request)), remedy=""
        )

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        language = choose_language(request)
        body = (
            self.environments[language]
            .get_template(template)
            .render(
                language=language,
                user=request.scope.get("session", {}).get("user"),
                style_version=self.style_version,
                **values,
            )
        )
        response = HTMLResponse(
            body,
            status_code=status,
            headers={"content-language": language, "vary": "accept-language, cookie"},
        )
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, httponly=True, samesite="lax")
        return response
