"""Whether the platform answers."""

import time
from typing import Any

import httpx
import jwt

from lumbung.config import Endpoints, stack_description
from lumbung.credentials import stored_token
from lumbung.errors import ApiError

__all__ = ["check_platform"]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=3.0, trust_env=False).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself; nothing is checked, it is only shown to its owner."""
    try:
        return dict(jwt.decode(token, options={"verify_signature": False})) if token else {}
    except jwt.PyJWTError:
        return {}


def check_platform(endpoints: Endpoints) -> dict[str, Any]:
    """Asks the gateway and the sign-in service, and says who is signed in."""
    scheme = "https" if endpoints.tls else "http"
    try:
        token = stored_token(endpoints)
    except ApiError:
        token = ""
    claims = _claims(token)
    access = claims.get("realm_access") or {}
    return {
        "gateway": endpoints.gateway,
        "gateway_ready": _answers(f"{scheme}://{endpoints.gateway}/healthz"),
        "issuer": endpoints.issuer,
        "sign_in_ready": _answers(f"{endpoints.issuer}/.well-known/openid-configuration"),
        "local_stack": (stack_description() or {}).get("data_dir", ""),
        "signed_in_as": claims.get("preferred_username", ""),
        "roles": sorted(access.get("roles", [])),
        "office": claims.get("office", ""),
        "token_seconds_left": max(0, int(claims.get("exp", 0) - time.time())),
    }
