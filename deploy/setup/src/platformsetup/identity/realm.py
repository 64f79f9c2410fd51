"""The realm `lumbung`: roles, clients and role accounts as a Keycloak representation.

There are no `clientScopes` in it: naming any replaces Keycloak's own, and the roles vanish from the tokens. The
audience is a mapper on each client.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

REALM = "lumbung"
AUDIENCE = "lumbung-api"
DEMO_CLIENT = "lumbung-demo"
ROLES = (
    "viewer",
    "contributor",
    "certifier",
    "steward",
    "engineer",
    "scientist",
    "leader",
    "auditor",
    "admin",
    "service",
)


def realm_document(
    clients: Mapping[str, str], accounts: Mapping[str, str], *, gateway_url: str
) -> dict[str, Any]:
    """Whole realm; `clients` are the secrets of confidential clients, `accounts` the passwords by user name.

    Without `accounts` there are neither role accounts nor the client that lets them sign in by password.
    """
    template = _template()
    realm: dict[str, Any] = template["realm"]
    wanted = [entry for entry in template["clients"] if accounts or entry["clientId"] != DEMO_CLIENT]
    realm["roles"] = {"realm": [{"name": role} for role in ROLES]}
    realm["clients"] = [_client(entry, clients, gateway_url=gateway_url) for entry in wanted]
    realm["users"] = [_account(entry, accounts) for entry in template["accounts"]] if accounts else []
    realm["users"] += [
        {
            "username": f"service-account-{entry['clientId']}",
            "enabled": True,
            "serviceAccountClientId": entry["clientId"],
            "realmRoles": entry["serviceRoles"],
        }
        for entry in wanted
        if "serviceRoles" in entry
    ]
    return realm


def confidential_clients() -> tuple[str, ...]:
    """Clients that sign in by a secret."""
    return tuple(entry["clientId"] for entry in _template()["clients"] if "serviceRoles" in entry)


def role_accounts() -> tuple[str, ...]:
    """Accounts with a password, one for each role."""
    return tuple(entry["username"] for entry in _template()["accounts"])


def user_profile(profile: dict[str, Any]) -> dict[str, Any]:
    """Keycloak's user profile with the attribute `office`, which administrators alone may write."""
    attributes = [entry for entry in profile["attributes"] if entry["name"] != "office"]
    office = {
        "name": "office",
        "displayName": "office",
        "permissions": {"view": ["admin", "user"], "edit": ["admin"]},
        "validations": {"length": {"max": 16}, "pattern": {"pattern": "^[0-9a-z-]*$", "error-message": ""}},
        "multivalued": False,
    }
    return {**profile, "attributes": [*attributes, office]}


def _template() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files("platformsetup.identity").joinpath("realm.json").read_text())
    return loaded


def _client(entry: dict[str, Any], secrets: Mapping[str, str], *, gateway_url: str) -> dict[str, Any]:
    client = {key: value for key, value in entry.items() if key not in ("serviceRoles", "redirect")}
    name = client["clientId"]
    client.setdefault("standardFlowEnabled", False)
    client.setdefault("directAccessGrantsEnabled", False)
    client["fullScopeAllowed"] = True
    client["publicClient"] = "serviceRoles" not in entry
    client["serviceAccountsEnabled"] = "serviceRoles" in entry
    if client["serviceAccountsEnabled"]:
        client["secret"] = secrets[name]
    if entry.get("redirect"):
        client["redirectUris"] = [f"{gateway_url}/*"]
        client["webOrigins"] = [gateway_url]
        client["attributes"] = {
            **client.get("attributes", {}),
            "post.logout.redirect.uris": f"{gateway_url}/*",
        }
    client["protocolMappers"] = [_audience_mapper(), _office_mapper()]
    return client


def _audience_mapper() -> dict[str, Any]:
    return {
        "name": AUDIENCE,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.custom.audience": AUDIENCE,
            "access.token.claim": "true",
            "id.token.claim": "false",
            "introspection.token.claim": "true",
        },
    }


def _office_mapper() -> dict[str, Any]:
    return {
        "name": "office",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": {
            "user.attribute": "office",
            "claim.name": "office",
            "jsonType.label": "String",
            "access.token.claim": "true",
            "id.token.claim": "true",
            "userinfo.token.claim": "true",
        },
    }


def _account(entry: dict[str, Any], passwords: Mapping[str, str]) -> dict[str, Any]:
    name = entry["username"]
    first, _, last = name.partition("-")
    user = {
        "username": name,
        "enabled": True,
        "email": f"{name}@lumbung.invalid",
        "emailVerified": True,
        "firstName": first.capitalize(),
        "lastName": last,
        "realmRoles": entry["roles"],
        "credentials": [{"type": "password", "value": passwords[name], "temporary": False}],
    }
    if "office" in entry:
        user["attributes"] = {"office": [entry["office"]]}
    return user
