from typing import Any

import pytest

from platformsetup.identity.realm import (
    AUDIENCE,
    DEMO_CLIENT,
    ROLES,
    confidential_clients,
    realm_document,
    role_accounts,
    user_profile,
)

SECRETS = {name: f"secret-of-{name}" for name in confidential_clients()}
PASSWORDS = {name: f"password-of-{name}" for name in role_accounts()}


@pytest.fixture(name="realm")
def _realm() -> dict[str, Any]:
    return realm_document(SECRETS, PASSWORDS, gateway_url="http://127.0.0.1:20000")


def client(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in realm["clients"] if entry["clientId"] == name)


def user(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in realm["users"] if entry["username"] == name)


def test_no_client_scopes_since_they_would_take_the_roles_from_tokens(realm: dict[str, Any]) -> None:
    assert "clientScopes" not in realm
    assert not any("defaultClientScopes" in entry for entry in realm["clients"])


def test_every_client_has_the_audience_and_the_office(realm: dict[str, Any]) -> None:
    for entry in realm["clients"]:
        mappers = {mapper["name"]: mapper["config"] for mapper in entry["protocolMappers"]}
        assert mappers[AUDIENCE]["included.custom.audience"] == "lumbung-api"
        assert mappers["office"]["claim.name"] == "office"


def test_each_client_may_sign_in_one_way_only(realm: dict[str, Any]) -> None:
    ways = {
        entry["clientId"]: (
            entry["standardFlowEnabled"],
            entry["directAccessGrantsEnabled"],
            entry["serviceAccountsEnabled"],
        )
        for entry in realm["clients"]
    }
    assert ways["lumbung-portal"] == (True, False, False)
    assert ways["lumbung-cli"] == (False, False, False)
    assert ways["lumbung-demo"] == (False, True, False)
    assert {ways[name] for name in confidential_clients()} == {(False, False, True)}


def test_portal_wants_pkce_and_returns_to_the_gateway_alone(realm: dict[str, Any]) -> None:
    portal = client(realm, "lumbung-portal")
    assert portal["attributes"]["pkce.code.challenge.method"] == "S256"
    assert portal["redirectUris"] == ["http://127.0.0.1:20000/*"]
    assert portal["publicClient"] is True


def test_cli_has_the_device_flow(realm: dict[str, Any]) -> None:
    assert client(realm, "lumbung-cli")["attributes"]["oauth2.device.authorization.grant.enabled"] == "true"


def test_accounts_have_their_roles_office_and_generated_password(realm: dict[str, Any]) -> None:
    analyst = user(realm, "analis-kanwil-32")
    assert analyst["realmRoles"] == ["viewer"]
    assert analyst["attributes"] == {"office": ["32"]}
    assert analyst["credentials"][0]["value"] == "password-of-analis-kanwil-32"
    assert {entry["username"] for entry in realm["users"]} >= set(role_accounts())


def test_the_role_service_belongs_to_services_alone(realm: dict[str, Any]) -> None:
    holders = {entry["username"] for entry in realm["users"] if "service" in entry["realmRoles"]}
    assert holders == {
        f"service-account-svc-{name}" for name in ("ingest", "catalog", "compute", "inference")
    }
    given = {role for entry in realm["users"] for role in entry["realmRoles"]}
    assert given == set(ROLES)


def test_sign_in_is_guarded(realm: dict[str, Any]) -> None:
    assert realm["bruteForceProtected"] is True
    assert realm["accessTokenLifespan"] == 900


def test_only_administrators_write_the_office() -> None:
    profile = user_profile({"attributes": [{"name": "username"}], "groups": []})
    again = user_profile(profile)
    assert again == profile
    office = profile["attributes"][-1]
    assert office["permissions"]["edit"] == ["admin"]
    assert profile["groups"] == []


def test_without_passwords_there_is_neither_a_role_account_nor_a_way_to_use_one() -> None:
    realm = realm_document(SECRETS, {}, gateway_url="https://lumbung.example")
    assert {entry["username"] for entry in realm["users"]} == {
        f"service-account-{name}" for name in confidential_clients()
    }
    assert DEMO_CLIENT not in {entry["clientId"] for entry in realm["clients"]}
    assert not any(entry["directAccessGrantsEnabled"] for entry in realm["clients"])
