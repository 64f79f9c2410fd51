"""Sign-in: device flow (RFC 8628), client credentials, a local stack's role accounts."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumbung.config import Endpoints, stack_description
from lumbung.errors import ApiError
from lumbung.kept_tokens import Credentials, request_token, stored_token, token_source
from lumbung.texts import say

__all__ = [
    "Credentials",
    "device_login",
    "role_account_login",
    "service_login",
    "stored_token",
    "token_source",
]

CLIENT = "lumbung-cli"
DEMO_CLIENT = "lumbung-demo"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEFAULT_INTERVAL_SECONDS = 5.0
SLOW_DOWN_SECONDS = 5.0
DEFAULT_LIFETIME_SECONDS = 600.0


def _signed_out(message: str, reason: str = "NOT_SIGNED_IN") -> ApiError:
    return ApiError(code="UNAUTHENTICATED", reason=reason, message=message)


def _refused(answer: dict[str, Any]) -> ApiError:
    cause = answer.get("error_description") or answer.get("error") or "-"
    return _signed_out(say("sign_in_refused", cause=str(cause).rstrip(".")), "SIGN_IN_REFUSED")


def device_login(
    endpoints: Endpoints, show: Callable[[str, str], None], sleep: Callable[[float], None] = time.sleep
) -> Credentials:
    """Signs a person in. `show(url, code)` tells them where to confirm.

    Raises:
        ApiError: UNAUTHENTICATED when the person refused or did not confirm in time, UNAVAILABLE when the sign-in
            service does not answer at the start.
    """
    device = request_token(endpoints.issuer, {"client_id": CLIENT, "scope": "openid"}, "auth/device")
    if "device_code" not in device:
        raise _refused(device)
    show(device.get("verification_uri_complete") or device["verification_uri"], device["user_code"])
    interval = float(device.get("interval", DEFAULT_INTERVAL_SECONDS))
    deadline = time.monotonic() + float(device.get("expires_in", DEFAULT_LIFETIME_SECONDS))
    form = {"grant_type": DEVICE_GRANT, "client_id": CLIENT, "device_code": device["device_code"]}
    while time.monotonic() < deadline:
        sleep(interval)
        try:
            answer = request_token(endpoints.issuer, form)
        except ApiError:
            interval *= 2  # RFC 8628, section 3.5: back off when a poll is not answered
            continue
        if "access_token" in answer:
            return Credentials.from_answer(endpoints, CLIENT, answer)
        problem = answer.get("error")
        if problem == "slow_down":
            interval += SLOW_DOWN_SECONDS
        elif problem == "access_denied":
            raise _signed_out(say("sign_in_denied"), "SIGN_IN_DENIED")
        elif problem == "expired_token":
            break
        elif problem != "authorization_pending":
            raise _refused(answer)
    raise _signed_out(say("sign_in_expired"), "SIGN_IN_EXPIRED")


def role_account_login(endpoints: Endpoints, account: str) -> Credentials:
    """Signs in as one of the role accounts that a local stack has made.

    Raises:
        ApiError: there is no local stack, or no such account.
    """
    stack = stack_description()
    file = (stack or {}).get("files", {}).get("accounts")
    if file is None:
        raise _signed_out(say("no_role_accounts"))
    accounts: dict[str, str] = json.loads(Path(file).read_text(encoding="utf-8"))
    if account not in accounts:
        raise ApiError(
            code="NOT_FOUND",
            reason="ACCOUNT_NOT_FOUND",
            message=say("account_unknown", account=account, known=", ".join(sorted(accounts))),
        )
    form = {
        "grant_type": "password",
        "client_id": DEMO_CLIENT,
        "username": account,
        "password": accounts[account],
        "scope": "openid",
    }
    answer = request_token(endpoints.issuer, form)
    if "access_token" not in answer:
        raise _refused(answer)
    return Credentials.from_answer(endpoints, DEMO_CLIENT, answer)


def service_login(endpoints: Endpoints, client_id: str, client_secret: str) -> Credentials:
    """Signs an internal system in (client credentials).

    Raises:
        ApiError: the client or its secret is wrong.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    answer = request_token(endpoints.issuer, form)
    if "access_token" not in answer:
        raise _refused(answer)
    return Credentials.from_answer(endpoints, client_id, answer)
