"""What somebody who uses a platform finds in it, as plain data that two platforms can be compared by.

    python contents.py GATEWAY_ADDRESS KEYCLOAK_ADDRESS ACCOUNTS_FILE ADMIN_SECRET_FILE NEWCOMER

runs in a cluster node's network, makes sure that there is the account NEWCOMER, and prints all as one line of JSON.
"""

import hashlib
import json
import sys
from pathlib import Path

import httpx

from lumbung.catalog.v1 import policy_service_pb2 as pb
from lumbung.catalog.v1 import policy_service_pb2_grpc as pb_grpc
from lumbung.client import Client
from lumbung.config import Endpoints

__all__ = ["Users", "digests", "policies"]

READERS = ("steward-pusat", "analis-kanwil-32")
AUDITOR = "auditor-pusat"
ISSUER = "http://lumbung-keycloak:18002/realms/lumbung"


def digests(client):
    """Rows, digest and snapshot of every table that the caller may read, by SQL, in the order of all columns."""
    found = {}
    for entry in client.catalog.list_datasets():
        dataset = entry.name.removeprefix("datasets/")
        if entry.latest_snapshot.name:
            table = client.queries.run(f"SELECT * FROM {dataset} ORDER BY ALL").table.combine_chunks()
            digest = hashlib.sha256()
            for column in table.columns:
                digest.update(repr(column.to_pylist()).encode())
            found[dataset] = [table.num_rows, digest.hexdigest(), entry.latest_snapshot.name]
    return found


def policies(client):
    """Every policy with its revision."""
    answer = pb_grpc.PolicyServiceStub(client.channel).ListPolicies(
        pb.ListPoliciesRequest(page_size=1000), timeout=30
    )
    return {entry.name: str(entry) for entry in answer.policies}


class Users:
    """Keycloak's administration, signed in by its administrator client."""

    def __init__(self, keycloak_url, admin_client, secret):
        token = httpx.post(
            f"{keycloak_url}/realms/master/protocol/openid-connect/token",
            data={"grant_type": "client_credentials", "client_id": admin_client, "client_secret": secret},
            trust_env=False,
            timeout=30,
        ).raise_for_status()
        self._http = httpx.Client(
            base_url=f"{keycloak_url}/admin/realms/lumbung",
            headers={"Authorization": f"Bearer {token.json()['access_token']}"},
            timeout=30,
            trust_env=False,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._http.close()

    def all(self):
        """Office and roles of every account, with the id that no other account gets."""
        found = {}
        for user in self._http.get("/users", params={"max": 1000}).raise_for_status().json():
            roles = self._http.get(f"/users/{user['id']}/role-mappings/realm").json()
            names = sorted(role["name"] for role in roles)
            found[user["username"]] = [user["id"], user.get("attributes", {}), names]
        return found

    def create(self, username):
        """An account of an office, with a role, unless there is one."""
        user = {"username": username, "enabled": True, "attributes": {"office": ["33"]}}
        assert self._http.post("/users", json=user).status_code in (201, 409)
        (made,) = self._http.get("/users", params={"username": username, "exact": "true"}).json()
        viewer = self._http.get("/roles/viewer").json()
        answer = self._http.post(f"/users/{made['id']}/role-mappings/realm", json=[viewer])
        assert answer.status_code == 204


def main():
    """Prints what is there."""
    gateway, keycloak, accounts_file, secret_file, newcomer = sys.argv[1:]
    keycloak_url = f"http://{keycloak}:18002"
    passwords = json.loads(Path(accounts_file).read_text())

    def sign_in(account):
        form = {
            "grant_type": "password",
            "client_id": "lumbung-demo",
            "username": account,
            "password": passwords[account],
            "scope": "openid",
        }
        url = f"{keycloak_url}/realms/lumbung/protocol/openid-connect/token"
        answer = httpx.post(url, data=form, trust_env=False, timeout=30).raise_for_status()
        token = str(answer.json()["access_token"])
        return Client(Endpoints(f"{gateway}:18000", ISSUER), lambda: token)

    with Users(keycloak_url, "lumbung-setup", Path(secret_file).read_text()) as users:
        users.create(newcomer)
        found = {"users": users.all()}
    found["tables"] = {}
    for account in READERS:
        with sign_in(account) as client:
            found["tables"][account] = digests(client)
            if account == READERS[0]:
                found["policies"] = policies(client)
    with sign_in(AUDITOR) as client:
        audit = client.catalog.verify_audit_log()
    found["audit"] = {"intact": audit.intact, "entries": audit.entries}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
