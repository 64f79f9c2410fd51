"""Sign-in: device flow (RFC 8628), client credentials, a local stack's role accounts; tokens kept in a 0600 file."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from lumbung.config import Endpoints, config_folder, stack_description
from lumbung.errors import ApiError

__all__ = ["Credentials", "device_login", "role_account_login", "service_login", "stored_token"]

CLIENT = "lumbung-cli"
DEMO_CLIENT = "lumbung-demo"
RENEW_BEFORE_SECONDS = 30.0


@dataclass
class Credentials:
    """Tokens of one account at one issuer. Times are seconds since the epoch."""

    issuer: str
    client_id: str
    access_token: str
    expires_at: float
    refresh_token: str = ""
    refresh_expires_at: float = 0.0

    def save(self) -> Path:
        """Keeps the tokens for the next command."""
        folder = config_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "credentials.json"
        temporary = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        temporary.replace(path)
        return path


def _signed_out(message: str) -> ApiError:
    return ApiError(code="UNAUTHENTICATED", reason="NOT_SIGNED_IN", message=message)


def _token_request(issuer: str, form: dict[str, str]) -> dict[str, Any]:
    try:
        with httpx.Client(trust_env=False, timeout=15.0) as http:
            response = http.post(f"{issuer}/protocol/openid-connect/token", data=form)
            answer: dict[str, Any] = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ApiError(
            code="UNAVAILABLE",
            reason="SIGN_IN_UNAVAILABLE",
            message=f"The sign-in service at {issuer} does not answer ({error}). Is the platform running? See `lumbung status`.",
        ) from error
    answer["http_status"] = response.status_code
    return answer


def _credentials(issuer: str, client_id: str, answer: dict[str, Any]) -> Credentials:
    now = time.time()
    return Credentials(
        issuer=issuer,
        client_id=client_id,
        access_token=answer["access_token"],
        expires_at=now + float(answer["expires_in"]),
        refresh_token=answer.get("refresh_token", ""),
        refresh_expires_at=now + float(answer.get("refresh_expires_in", 0)),
    )


def device_login(endpoints: Endpoints, show: Callable[[str, str], None]) -> Credentials:
    """Signs a person in. `show(url, code)` tells them where to confirm.

    Raises:
        ApiError: the person refused, or did not confirm in time.
    """
    with httpx.Client(trust_env=False, timeout=15.0) as http:
        begun = http.post(
            f"{endpoints.issuer}/protocol/openid-connect/auth/device",
            data={"client_id": CLIENT, "scope": "openid"},
        )
        begun.raise_for_status()
    device = begun.json()
    show(device.get("verification_uri_complete") or device["verification_uri"], device["user_code"])
    interval = float(device.get("interval", 5))
    deadline = time.monotonic() + float(device["expires_in"])
    while time.monotonic() < deadline:
        time.sleep(interval)
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": CLIENT,
            "device_code": device["device_code"],
        }
        answer = _token_request(endpoints.issuer, form)
        if "access_token" in answer:
            return _credentials(endpoints.issuer, CLIENT, answer)
        if answer.get("error") == "slow_down":
            interval += 5
        elif answer.get("error") != "authorization_pending":
            raise _signed_out(f"Sign-in was refused: {answer.get('error_description', answer.get('error'))}.")
    raise _signed_out("Nobody confirmed the sign-in in time. Run `lumbung login` again.")


def role_account_login(endpoints: Endpoints, account: str) -> Credentials:
    """Signs in as one of the role accounts that a local stack has made.

    Raises:
        ApiError: there is no local stack, or no such account.
    """
    stack = stack_description()
    if stack is None:
        raise _signed_out("There is no local stack here, so there are no role accounts. Use `lumbung login`.")
    accounts: dict[str, str] = json.loads(Path(stack["files"]["accounts"]).read_text(encoding="utf-8"))
    if account not in accounts:
        known = ", ".join(sorted(accounts))
        raise ApiError(
            code="NOT_FOUND",
            reason="ACCOUNT_NOT_FOUND",
            message=f"The local stack has no account {account!r}. It has: {known}.",
        )
    form = {
        "grant_type": "password",
        "client_id": DEMO_CLIENT,
        "username": account,
        "password": accounts[account],
        "scope": "openid",
    }
    answer = _token_request(endpoints.issuer, form)
    if "access_token" not in answer:
        raise _signed_out(f"Sign-in as {account} was refused: {answer.get('error_description', answer)}.")
    return _credentials(endpoints.issuer, DEMO_CLIENT, answer)


def service_login(endpoints: Endpoints, client_id: str, client_secret: str) -> Credentials:
    """Signs an internal system in (client credentials).

    Raises:
        ApiError: the client or its secret is wrong.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    answer = _token_request(endpoints.issuer, form)
    if "access_token" not in answer:
        raise _signed_out(f"Sign-in of {client_id} was refused: {answer.get('error_description', answer)}.")
    return _credentials(endpoints.issuer, client_id, answer)


def stored_token(endpoints: Endpoints) -> str:
    """The token of the last sign-in, renewed if need be; LUMBUNG_TOKEN wins. Empty when nobody is signed in."""
    given = os.environ.get("LUMBUNG_TOKEN")
    if given is not None:
        return given
    kept = _kept_credentials(endpoints)
    if kept is None:
        return ""
    if kept.expires_at - RENEW_BEFORE_SECONDS > time.time():
        return kept.access_token
    renewed = _renew(kept)
    return renewed.access_token if renewed is not None else ""


def _kept_credentials(endpoints: Endpoints) -> Credentials | None:
    path = config_folder() / "credentials.json"
    if not path.is_file():
        return None
    kept = Credentials(**json.loads(path.read_text(encoding="utf-8")))
    return kept if kept.issuer == endpoints.issuer else None


def _renew(kept: Credentials) -> Credentials | None:
    if not kept.refresh_token or kept.refresh_expires_at < time.time():
        return None
    form = {"grant_type": "refresh_token", "client_id": kept.client_id, "refresh_token": kept.refresh_token}
    answer = _token_request(kept.issuer, form)
    if "access_token" not in answer:
        return None
    renewed = _credentials(kept.issuer, kept.client_id, answer)
    renewed.save()
    return renewed
