"""The tokens of the last sign-in: kept in a file that only its owner may read, renewed before they expire."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lumbung.config import Endpoints, config_folder
from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["Credentials", "forget", "request_token", "stored_token", "token_source"]

RENEW_BEFORE_SECONDS = 30.0
REQUEST_SECONDS = 15.0
_FILE = "credentials.json"


@dataclass
class Credentials:
    """Tokens of one account at one issuer, for one gateway. Times are seconds since the epoch."""

    issuer: str
    client_id: str
    access_token: str
    expires_at: float
    refresh_token: str = ""
    refresh_expires_at: float = 0.0
    gateway: str = ""

    @classmethod
    def from_answer(cls, endpoints: Endpoints, client_id: str, answer: dict[str, Any]) -> "Credentials":
        """The tokens of a token endpoint's answer (RFC 6749 section 5.1)."""
        now = time.time()
        refresh_seconds = float(answer.get("refresh_expires_in") or 0)  # 0: it does not expire
        return cls(
            issuer=endpoints.issuer,
            client_id=client_id,
            access_token=answer["access_token"],
            expires_at=now + float(answer.get("expires_in", 60)),
            refresh_token=answer.get("refresh_token", ""),
            refresh_expires_at=now + refresh_seconds if refresh_seconds else 0.0,
            gateway=endpoints.gateway,
        )

    def save(self) -> Path:
        """Keeps the tokens for the next command. Whoever reads meanwhile finds the old file or the new one."""
        folder = config_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=_FILE)  # made with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)
            return Path(temporary).replace(folder / _FILE)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def serves(self, endpoints: Endpoints) -> bool:
        """Whether the tokens are meant for these addresses: a token is not shown to another gateway."""
        return self.issuer == endpoints.issuer and self.gateway in {"", endpoints.gateway}

    @property
    def fresh(self) -> bool:
        """Whether the access token is good for a while."""
        return self.expires_at - RENEW_BEFORE_SECONDS > time.time()


def forget() -> bool:
    """Forgets the tokens of this machine; says whether there were any."""
    file = config_folder() / _FILE
    there = file.exists()
    file.unlink(missing_ok=True)
    return there


def request_token(issuer: str, form: dict[str, str], path: str = "token") -> dict[str, Any]:
    """Asks an endpoint of the issuer; the answer may be an OAuth error (`error`, `error_description`).

    Raises:
        ApiError: UNAVAILABLE when the issuer does not answer in its own language.
    """
    import httpx  # noqa: PLC0415 (most commands have a fresh token and need no HTTP)

    try:
        with httpx.Client(trust_env=False, timeout=REQUEST_SECONDS) as http:
            response = http.post(f"{issuer}/protocol/openid-connect/{path}", data=form)
        answer = response.json()
        if not isinstance(answer, dict) or response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ValueError(f"HTTP {response.status_code}")  # noqa: TRY301 (one place tells every failure)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ApiError(
            code="UNAVAILABLE",
            reason="SIGN_IN_UNAVAILABLE",
            message=say("sign_in_silent", issuer=issuer, cause=error),
        ) from error
    return answer


def token_source(endpoints: Endpoints, token: str | None = None) -> Callable[[], str]:
    """What gives a client its token: the given one, else that of the last sign-in."""
    return (lambda: token) if token is not None else (lambda: stored_token(endpoints))


def stored_token(endpoints: Endpoints) -> str:
    """The token of the last sign-in, renewed if need be; LUMBUNG_TOKEN wins. Empty when nobody is signed in."""
    given = os.environ.get("LUMBUNG_TOKEN")
    if given is not None:
        return given
    kept = _kept(endpoints)
    if kept is None or kept.fresh:
        return kept.access_token if kept is not None else ""
    with _lock():
        # Another process may have renewed meanwhile, and a refresh token may serve only once.
        kept = _kept(endpoints)
        if kept is not None and not kept.fresh:
            kept = _renewed(endpoints, kept)
    return kept.access_token if kept is not None else ""


def _kept(endpoints: Endpoints) -> Credentials | None:
    try:
        document = json.loads((config_folder() / _FILE).read_text(encoding="utf-8"))
        kept = Credentials(**document)
    except (FileNotFoundError, ValueError, TypeError):  # none, or not one of ours: as good as signed out
        return None
    return kept if kept.serves(endpoints) else None


def _renewed(endpoints: Endpoints, kept: Credentials) -> Credentials | None:
    if not kept.refresh_token or 0 < kept.refresh_expires_at < time.time():
        return None
    form = {"grant_type": "refresh_token", "client_id": kept.client_id, "refresh_token": kept.refresh_token}
    answer = request_token(kept.issuer, form)
    if "access_token" not in answer:
        return None
    renewed = Credentials.from_answer(
        endpoints, kept.client_id, {"refresh_token": kept.refresh_token, **answer}
    )
    renewed.save()
    return renewed


@contextmanager
def _lock() -> Iterator[None]:
    """One process at a time."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 (not everywhere)

    descriptor = os.open(config_folder() / f"{_FILE}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
