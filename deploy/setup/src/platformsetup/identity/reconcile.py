"""Brings a running Keycloak to the realm of the template: creates what is missing, mends what differs."""

from typing import Any

import httpx

from platformsetup.errors import NotReadyError, SetupError
from platformsetup.identity.realm import DEMO_CLIENT, REALM, user_profile


class KeycloakAdmin:
    """Thin client of Keycloak's admin interface, signed in by client credentials in the master realm.

    `client_id` and `secret` are those that Keycloak was first started with (KC_BOOTSTRAP_ADMIN_CLIENT_ID, _SECRET).
    """

    def __init__(self, base_url: str, secret: str, *, client_id: str) -> None:
        self._base = base_url
        self._client = client_id
        self._secret = secret

    def reconcile(self, realm: dict[str, Any]) -> None:
        """Create the realm, or bring its settings, roles, clients and accounts to the wanted state.

        Raises NotReadyError when Keycloak does not answer, SetupError when it refuses us.
        """
        try:
            with httpx.Client(base_url=self._base, timeout=30, trust_env=False) as http:
                http.headers["Authorization"] = f"Bearer {self._sign_in(http)}"
                if http.get(f"/admin/realms/{REALM}").status_code == httpx.codes.NOT_FOUND:
                    self._create(http, realm)
                else:
                    self._mend(http, realm)
        except httpx.TransportError as error:
            raise NotReadyError(f"Keycloak does not answer: {error}") from error

    def _sign_in(self, http: httpx.Client) -> str:
        answer = http.post(
            "/realms/master/protocol/openid-connect/token",
            data={"grant_type": "client_credentials"},
            auth=(self._client, self._secret),
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SetupError(
                f"Keycloak does not know the administrator {self._client}: its database was made with another secret; "
                "give that one back, or begin with an empty database (the local stack: `make reset`)"
            )
        if answer.status_code != httpx.codes.OK:
            raise NotReadyError(f"Keycloak's master realm answers {answer.status_code}")
        return str(answer.json()["access_token"])

    def _create(self, http: httpx.Client, realm: dict[str, Any]) -> None:
        # Accounts come second: their office is refused until the user profile knows it.
        accounts = [user for user in realm["users"] if "serviceAccountClientId" not in user]
        first = {**realm, "users": [user for user in realm["users"] if user not in accounts]}
        _check(http.post("/admin/realms", json=first), "create the realm")
        self._profile(http)
        self._import(http, {"users": accounts}, policy="SKIP")

    def _mend(self, http: httpx.Client, realm: dict[str, Any]) -> None:
        plain = {key: value for key, value in realm.items() if key not in ("roles", "clients", "users")}
        _check(http.put(f"/admin/realms/{REALM}", json=plain), "update the realm")
        self._profile(http)
        self._import(http, {"roles": realm["roles"]}, policy="SKIP")
        for client in realm["clients"]:
            self._mend_client(http, client)
        if DEMO_CLIENT not in {client["clientId"] for client in realm["clients"]}:
            self._remove_client(http, DEMO_CLIENT)
        self._import(http, {"users": realm["users"]}, policy="SKIP")

    def _profile(self, http: httpx.Client) -> None:
        path = f"/admin/realms/{REALM}/users/profile"
        present = _check(http.get(path), "read the user profile").json()
        wanted = user_profile(present)
        if wanted != present:
            _check(http.put(path, json=wanted), "declare the attribute office")

    def _mend_client(self, http: httpx.Client, client: dict[str, Any]) -> None:
        path = f"/admin/realms/{REALM}/clients"
        found = _check(http.get(path, params={"clientId": client["clientId"]}), "read a client").json()
        if not found:
            self._import(http, {"clients": [client]}, policy="SKIP")
            return
        present = found[0]
        plain = {key: value for key, value in client.items() if key != "protocolMappers"}
        plain["attributes"] = {**present.get("attributes", {}), **plain.get("attributes", {})}
        if any(present.get(key) != value for key, value in plain.items()):
            _check(http.put(f"{path}/{present['id']}", json={**present, **plain}), "update a client")
        names = {mapper["name"] for mapper in present.get("protocolMappers", [])}
        for mapper in client["protocolMappers"]:
            if mapper["name"] not in names:
                models = f"{path}/{present['id']}/protocol-mappers/models"
                _check(http.post(models, json=mapper), "add a protocol mapper")

    def _remove_client(self, http: httpx.Client, client_id: str) -> None:
        path = f"/admin/realms/{REALM}/clients"
        for found in _check(http.get(path, params={"clientId": client_id}), "read a client").json():
            _check(http.delete(f"{path}/{found['id']}"), f"remove the client {client_id}")

    def _import(self, http: httpx.Client, document: dict[str, Any], *, policy: str) -> None:
        body = {"ifResourceExists": policy, **document}
        _check(http.post(f"/admin/realms/{REALM}/partialImport", json=body), f"import {', '.join(document)}")


def _check(answer: httpx.Response, what: str) -> httpx.Response:
    if answer.is_error:
        raise NotReadyError(f"Keycloak refused to {what}: {answer.status_code} {answer.text[:300]}")
    return answer
