"""The loaded stack is backed up while it runs, and comes back as another stack: data, users, policies, audit log."""

import hashlib
import os
import subprocess
import sys
import time

import httpx
import psycopg
import pytest

from localstack.settings import load_settings

from support.mainjob import STEWARD, row_counts
from support.ports import free_base_port
from support.stack import ROOT, RunningStack

ANALYST = "analis-kanwil-32"
AUDITOR = "auditor-pusat"
NEWCOMER = "pegawai-baru"
ADMIN_CLIENT = "lumbung-stack"


def _run(environment, *arguments, seconds=900):
    done = subprocess.run(
        [sys.executable, "-m", "localstack", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def _digests(stack, account):
    """Rows and digest of every table that the account may read, by SQL, in the order of all columns."""
    client = stack.client(account)
    found = {}
    for entry in client.catalog.list_datasets():
        dataset = entry.name.removeprefix("datasets/")
        if entry.latest_snapshot.name:
            answer = client.queries.run(f"SELECT * FROM {dataset} ORDER BY ALL")
            digest = hashlib.sha256()
            for batch in answer.table.combine_chunks().to_batches():
                for column in batch.columns:
                    digest.update(repr(column.to_pylist()).encode())
            found[dataset] = (answer.table.num_rows, digest.hexdigest())
    return found


def _policies(stack):
    role = "lumbung_catalog"
    with psycopg.connect(
        host="127.0.0.1",
        port=stack.settings.ports["postgres"],
        dbname=role,
        user=role,
        password=stack.secrets("databases")[role],
    ) as connection:
        query = "SELECT * FROM declarations WHERE kind = 'policy' ORDER BY name"
        return connection.execute(query).fetchall()


class _Users:
    """Keycloak's administration of a stack."""

    def __init__(self, stack):
        secret = (stack.settings.data_dir / "secrets" / "keycloak-admin").read_text()
        form = {"grant_type": "client_credentials", "client_id": ADMIN_CLIENT, "client_secret": secret}
        token = stack.ask_issuer("master", "token", form)["access_token"]
        self._http = httpx.Client(
            base_url=f"{stack.keycloak_url}/admin/realms/lumbung",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )

    def find(self, username):
        """The account with its roles, or None."""
        found = self._http.get("/users", params={"username": username, "exact": "true"}).json()
        if not found:
            return None
        roles = self._http.get(f"/users/{found[0]['id']}/role-mappings/realm").json()
        return found[0]["id"], found[0]["attributes"], sorted(role["name"] for role in roles)

    def create(self, username):
        """An account of an office, with a role."""
        user = {"username": username, "enabled": True, "attributes": {"office": ["33"]}}
        assert self._http.post("/users", json=user).status_code in (201, 409)
        viewer = self._http.get("/roles/viewer").json()
        user_id = self._http.get("/users", params={"username": username}).json()[0]["id"]
        assert self._http.post(f"/users/{user_id}/role-mappings/realm", json=[viewer]).status_code == 204

    def close(self):
        """Gives the connections back."""
        self._http.close()


@pytest.fixture
def users():
    """`users(stack)`."""
    opened = []

    def of(stack):
        opened.append(_Users(stack))
        return opened[-1]

    yield of
    for entry in opened:
        entry.close()


def test_a_backup_comes_back_as_another_stack(loaded_stack, users, tmp_path_factory):
    users(loaded_stack).create(NEWCOMER)
    newcomer = users(loaded_stack).find(NEWCOMER)
    assert newcomer is not None
    begin = time.monotonic()
    target = tmp_path_factory.mktemp("backups")
    assert "6 databases" in _run(loaded_stack.environment, "backup", "--to", str(target))
    took = time.monotonic() - begin
    (backup,) = target.iterdir()
    wanted = {account: _digests(loaded_stack, account) for account in (STEWARD, ANALYST)}
    counts, policies = row_counts(loaded_stack), _policies(loaded_stack)
    assert len(wanted[STEWARD]) >= 5
    assert policies
    audit = loaded_stack.client(AUDITOR).catalog.verify_audit_log()

    environment = {
        **os.environ,
        "LUMBUNG_BASE_PORT": str(free_base_port()),
        "LUMBUNG_DATA_DIR": str(tmp_path_factory.mktemp("other") / "data"),
    }
    other = RunningStack(load_settings(environment))
    try:
        begin = time.monotonic()
        _run(
            environment,
            "restore",
            "--from",
            str(backup),
            "--only",
            "keycloak,compute,catalog,gateway",
            "--timeout",
            "600",
        )
        sys.stdout.write(
            f"\nbackup {took:.1f} s, restore {time.monotonic() - begin:.1f} s with the stack's start\n"
        )
        assert {account: _digests(other, account) for account in (STEWARD, ANALYST)} == wanted
        assert row_counts(other) == counts
        assert _policies(other) == policies
        assert users(other).find(NEWCOMER) == newcomer
        after = other.client(AUDITOR).catalog.verify_audit_log()
        assert after.intact
        assert 0 < after.entries <= audit.entries + 200
        # What there is now is not overwritten.
        refused = subprocess.run(
            [sys.executable, "-m", "localstack", "restore", "--from", str(backup)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 1
        assert "make reset" in refused.stderr
    finally:
        other.close()
        subprocess.run(
            [sys.executable, "-m", "localstack", "reset"], env=environment, capture_output=True, check=False
        )
