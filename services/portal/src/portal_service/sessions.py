"""Sessions on the server. The browser holds a signed name and nothing else."""

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from itsdangerous import BadSignature, Signer
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal_service.settings import SessionSettings

__all__ = ["SessionMiddleware", "SessionStore", "renew_session"]

_UNSIGNED_IN_SECONDS = 600.0
_NEW = "renew"


@dataclass
class _Entry:
    expires_at: float
    data: dict[str, Any] = field(default_factory=dict)


class SessionStore:
    """Keeps sessions in memory until they end; at most `most` of them, the oldest ends first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, uid: str) -> dict[str, Any] | None:
        """The data of a session that has not ended."""
        entry = self._entries.get(uid)
        if entry is None or entry.expires_at <= time.monotonic():
            self.end(uid)
            return None
        return entry.data

    def begin(self, data: dict[str, Any], seconds: float) -> str:
        """Keeps data under a fresh name."""
        uid = secrets.token_urlsafe(32)
        self._entries[uid] = _Entry(time.monotonic() + seconds, data)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return uid

    def end(self, uid: str) -> None:
        """Forgets a session."""
        self._entries.pop(uid, None)


def renew_session(session: dict[str, Any], data: dict[str, Any]) -> None:
    """Replaces a session's data and has it named afresh, so that a name from before sign-in is worth nothing."""
    session.clear()
    session.update(data)
    session[_NEW] = True


class SessionMiddleware:
    """Puts the session's data into `scope["session"]`; an empty one is ended, and no cookie is set for it."""

    def __init__(self, app: ASGIApp, store: SessionStore, settings: SessionSettings, *, secure: bool) -> None:
        self._app = app
        self._store = store
        self._seconds = settings.hours * 3600
        secret = settings.secret.get_secret_value() if settings.secret else secrets.token_urlsafe(32)
        self._signer = Signer(secret, salt="lumbung-portal-session", digest_method=hashlib.sha256)
        self._cookie = "__Host-lumbung" if secure else "lumbung_portal"
        self._flags = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request with its session."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        uid = self._uid(scope)
        stored = self._store.read(uid) if uid else None
        session: dict[str, Any] = dict(stored or {})
        scope["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = self._settle(uid if stored is not None else None, session)
                if cookie is not None:
                    MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _uid(self, scope: Scope) -> str | None:
        for name, value in scope["headers"]:
            if name == b"cookie":
                try:
                    morsel = SimpleCookie(value.decode("latin-1")).get(self._cookie)
                    if morsel is not None:
                        return self._signer.unsign(morsel.value).decode()
                except (BadSignature, CookieError, UnicodeDecodeError):
                    return None
        return None

    def _settle(self, uid: str | None, session: dict[str, Any]) -> str | None:
        """Stores what the request left; gives the cookie to set, if one has to be."""
        fresh = session.pop(_NEW, False)
        if not session:
            if uid is None:
                return None
            self._store.end(uid)
            return f"{self._cookie}=; Max-Age=0; {self._flags}"
        if uid is not None and not fresh:
            kept = self._store.read(uid)
            if kept is not None:
                kept.clear()
                kept.update(session)
                return None
        if uid is not None:
            self._store.end(uid)
        seconds = self._seconds if "user" in session else _UNSIGNED_IN_SECONDS
        name = self._signer.sign(self._store.begin(session, seconds)).decode()
        return f"{self._cookie}={name}; Max-Age={int(seconds)}; {self._flags}"
