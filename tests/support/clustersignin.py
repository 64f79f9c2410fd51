"""Signs a role account in from the node's network, where there are no names."""

import json
from pathlib import Path

import httpx

__all__ = ["access_token"]


def access_token(keycloak: str, accounts: Path, account: str) -> str:
    """A token of one of the accounts in the file, from Keycloak at the address of its Service."""
    form = {
        "grant_type": "password",
        "client_id": "lumbung-demo",
        "username": account,
        "password": json.loads(accounts.read_text())[account],
        "scope": "openid",
    }
    answer = httpx.post(
        f"http://{keycloak}:18002/realms/lumbung/protocol/openid-connect/token", data=form, trust_env=False
    )
    return str(answer.raise_for_status().json()["access_token"])
