"""Keycloak under the supervisor: tokens of every kind, and the realm mended on a later start."""

import base64
import json

import httpx
import pytest

from localstack.layout import Layout
from localstack.vault import Vault
from platformsetup.identity.realm import realm_document
from platformsetup.identity.reconcile import KeycloakAdmin

from support.setupcommand import setup_command

ADMIN_CLIENT = "lumbung-stack"
# The first run on a machine fetches and builds Keycloak.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", autouse=True)
def _up(stack):
    done = stack.run("up", "--only", "keycloak", "--timeout", "600", seconds=650)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(name="realm_url")
def _realm_url(stack):
    return f"{stack.settings.ports.url('keycloak')}/realms/lumbung"


@pytest.fixture(name="vault")
def _vault(stack):
    return Vault(Layout(stack.settings.data_dir).secrets)


def claims(answer):
    assert answer.status_code == 200, answer.text
    payload = answer.json()["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=="))


def token(realm_url, **form):
    auth = form.pop("auth", None)
    return httpx.post(f"{realm_url}/protocol/openid-connect/token", data=form, auth=auth, timeout=30)


def password_grant(realm_url, client, account, password):
    return token(realm_url, grant_type="password", client_id=client, username=account, password=password)


def test_a_role_account_carries_audience_roles_and_office(realm_url, vault):
    account = "analis-kanwil-32"
    found = claims(password_grant(realm_url, "lumbung-demo", account, vault.table("accounts")[account]))
    assert found["aud"] == "lumbung-api"
    assert found["azp"] == "lumbung-demo"
    assert found["realm_access"]["roles"] == ["viewer"]
    assert found["office"] == "32"
    assert found["iss"] == realm_url
    assert found["exp"] - found["iat"] == 900


@pytest.mark.parametrize(("client", "role"), [("span", "contributor"), ("svc-compute", "service")])
def test_a_system_signs_in_by_its_secret(realm_url, vault, client, role):
    secret = vault.table("clients")[client]
    found = claims(token(realm_url, grant_type="client_credentials", auth=(client, secret)))
    assert (found["azp"], found["aud"], found["realm_access"]["roles"]) == (client, "lumbung-api", [role])
    wrong = token(realm_url, grant_type="client_credentials", auth=(client, "wrong"))
    assert wrong.status_code == 401


def test_passwords_work_through_the_demo_client_only(realm_url, vault):
    password = vault.table("accounts")["admin-pusat"]
    for client in ("lumbung-cli", "lumbung-portal"):
        assert password_grant(realm_url, client, "admin-pusat", password).status_code == 400


def test_the_command_line_gets_a_device_code(realm_url):
    answer = httpx.post(
        f"{realm_url}/protocol/openid-connect/auth/device", data={"client_id": "lumbung-cli"}, timeout=30
    )
    assert answer.status_code == 200
    assert answer.json()["user_code"]


def test_the_portal_must_use_pkce_and_return_home(realm_url, stack):
    home = stack.settings.ports.url("gateway")
    query = {"client_id": "lumbung-portal", "response_type": "code", "redirect_uri": f"{home}/back"}
    url = f"{realm_url}/protocol/openid-connect/auth"
    without = httpx.get(url, params=query, timeout=30)
    assert "error=invalid_request" in without.headers["location"]
    elsewhere = httpx.get(url, params={**query, "redirect_uri": "http://example.invalid/"}, timeout=30)
    assert elsewhere.status_code == 400


def test_a_missing_client_and_account_come_back(realm_url, vault, stack):
    base = stack.settings.ports.url("keycloak")
    secret = vault.read("keycloak-admin")
    master = token(
        f"{base}/realms/master", grant_type="client_credentials", auth=(ADMIN_CLIENT, secret)
    ).json()["access_token"]
    admin = httpx.Client(
        base_url=f"{base}/admin/realms/lumbung", headers={"Authorization": f"Bearer {master}"}, timeout=30
    )
    with admin:
        for kind, query in (("clients", {"clientId": "sakti"}), ("users", {"username": "steward-pusat"})):
            (found,) = admin.get(f"/{kind}", params=query).json()
            assert admin.delete(f"/{kind}/{found['id']}").status_code == 204
    realm = realm_document(
        vault.table("clients"), vault.table("accounts"), gateway_url=stack.settings.ports.url("gateway")
    )
    KeycloakAdmin(base, secret, client_id=ADMIN_CLIENT).reconcile(realm)
    steward = "steward-pusat"
    account = password_grant(realm_url, "lumbung-demo", steward, vault.table("accounts")[steward])
    assert claims(account)["office"] == "pusat"
    system = token(
        realm_url, grant_type="client_credentials", auth=("sakti", vault.table("clients")["sakti"])
    )
    assert claims(system)["realm_access"]["roles"] == ["contributor"]


def test_the_command_takes_the_role_accounts_way_in_and_gives_it_back(realm_url, vault, stack, tmp_path):
    settings = {
        "url": stack.settings.ports.url("keycloak"),
        "public_url": stack.settings.ports.url("gateway"),
        "admin_client": ADMIN_CLIENT,
    }
    secrets = {"LUMBUNG_REALM__ADMIN_SECRET": vault.read("keycloak-admin")}
    secrets |= {f"LUMBUNG_REALM__CLIENTS__{name}": text for name, text in vault.table("clients").items()}
    account = "steward-pusat"
    password = vault.table("accounts")[account]

    done = setup_command("realm", {"realm": settings}, secrets, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no role accounts" in done.stdout
    assert password_grant(realm_url, "lumbung-demo", account, password).status_code == 401
    assert claims(
        token(realm_url, grant_type="client_credentials", auth=("span", vault.table("clients")["span"]))
    )

    secrets |= {f"LUMBUNG_REALM__ACCOUNTS__{name}": text for name, text in vault.table("accounts").items()}
    done = setup_command("realm", {"realm": {**settings, "role_accounts": True}}, secrets, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert claims(password_grant(realm_url, "lumbung-demo", account, password))["office"] == "pusat"


def test_another_administrators_secret_is_not_waited_for(vault, stack, tmp_path):
    settings = {"url": stack.settings.ports.url("keycloak"), "public_url": "https://lumbung.example"}
    secrets = {"LUMBUNG_REALM__ADMIN_SECRET": "wrong"}
    secrets |= {f"LUMBUNG_REALM__CLIENTS__{name}": text for name, text in vault.table("clients").items()}
    done = setup_command("realm", {"realm": settings}, secrets, tmp_path)
    assert done.returncode == 1
    assert "does not know the administrator lumbung-setup" in done.stderr
