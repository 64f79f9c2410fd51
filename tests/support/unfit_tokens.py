"""Tokens that the real sign-in service itself has issued, and that are good for nothing here."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from support.stack import RunningStack

__all__ = ["unfit_tokens"]

_ADMIN = "lumbung-stack"
_STRANGER = "stranger-of-the-tests"
_GUEST = "guest-of-the-tests"
_SHORT_LIVED = "sakti"
_LIFESPAN = "access.token.lifespan"


class _Realm:
    """The administrator's view of the realm."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        secret = (stack.settings.data_dir / "secrets" / "keycloak-admin").read_text().strip()
        form = {"grant_type": "client_credentials", "client_id": _ADMIN, "client_secret": secret}
        self.master_token = str(stack.ask_issuer("master", "token", form)["access_token"])
        self._http = httpx.Client(
            base_url=f"{stack.keycloak_url}/admin/realms/lumbung",
            headers={"authorization": f"Bearer {self.master_token}"},
            trust_env=False,
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; raises when it is refused."""
        return self._http.request(method, path, **more).raise_for_status()

    def client(self, name: str) -> dict[str, Any]:
        """A client's representation."""
        found: dict[str, Any] = self.ask("GET", "/clients", params={"clientId": name}).json()[0]
        return found

    @contextmanager
    def temporary(self, kind: str, document: dict[str, Any]) -> Iterator[None]:
        """A client or an account for a while."""
        place = self.ask("POST", f"/{kind}", json=document).headers["location"]
        try:
            yield
        finally:
            self._http.delete(place)

    @contextmanager
    def short_lived(self, name: str) -> Iterator[None]:
        """A client whose tokens last one second, for a while."""
        client = self.client(name)
        changed = {**client, "attributes": {**client["attributes"], _LIFESPAN: "1"}}
        self.ask("PUT", f"/clients/{client['id']}", json=changed)
        try:
            yield
        finally:
            restored = {**client, "attributes": {**client["attributes"], _LIFESPAN: ""}}
            self.ask("PUT", f"/clients/{client['id']}", json=restored)

    def sign_in(self, client: str, account: str, password: str) -> dict[str, Any]:
        """Tokens by password."""
        form = {"grant_type": "password", "client_id": client, "scope": "openid"}
        return self.stack.ask_issuer("lumbung", "token", {**form, "username": account, "password": password})


def _stranger(*, audience: bool) -> dict[str, Any]:
    """A public client that nobody has authorised."""
    mapper = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "lumbung-api", "access.token.claim": "true"},
    }
    return {
        "clientId": _STRANGER,
        "publicClient": True,
        "directAccessGrantsEnabled": True,
        "protocolMappers": [mapper] if audience else [],
    }


def unfit_tokens(stack: RunningStack, account: str) -> dict[str, str]:
    """Unfit tokens of `account` by the names of the cases in `support.tokens`. Expired ones take about 12 seconds."""
    with _Realm(stack) as realm:
        password = stack.secrets("accounts")[account]
        own = realm.sign_in("lumbung-demo", account, password)
        found = {
            "id-token": own["id_token"],
            "refresh-token": own["refresh_token"],
            "other-realm": realm.master_token,
            "no-audience": realm.sign_in("admin-cli", account, password)["access_token"],
        }
        for name, audience in (("wrong-audience", False), ("wrong-authorised-party", True)):
            with realm.temporary("clients", _stranger(audience=audience)):
                found[name] = realm.sign_in(_STRANGER, account, password)["access_token"]
        guest = secrets.token_urlsafe(18)
        document = {
            "username": _GUEST,
            "enabled": True,
            "email": f"{_GUEST}@lumbung.invalid",
            "firstName": "Guest",
            "lastName": "Guest",
            "credentials": [{"type": "password", "value": guest, "temporary": False}],
        }
        with realm.temporary("users", document):
            found["no-roles"] = realm.sign_in("lumbung-demo", _GUEST, guest)["access_token"]
        with realm.short_lived(_SHORT_LIVED):
            form = {
                "grant_type": "client_credentials",
                "client_id": _SHORT_LIVED,
                "client_secret": stack.secrets("clients")[_SHORT_LIVED],
            }
            found["expired"] = stack.ask_issuer("lumbung", "token", form)["access_token"]
    time.sleep(12.5)  # its second, and the ten that clocks may differ
    return found
