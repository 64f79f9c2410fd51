"""Backup, uninstall with the claims of the data deleted, install from the backup: the same data, users and policies."""

import base64
import json
import sys
import time

import pytest

from support.cluster import ROOT, separate_release

NEWCOMER = "pegawai-baru"
READY_SECONDS = 420


@pytest.fixture(scope="module")
def own_release(cluster):
    """A release of this module's own, in a namespace that enforces the standard "restricted"."""
    with separate_release(cluster, "lumbung-backup") as release:
        cluster.helm("install", *release.arguments())
        release.wait_ready(READY_SECONDS)
        yield release


def _secret(release, name, key):
    (found,) = [
        entry["data"][key]
        for entry in release.cluster.objects("secrets", release.namespace)
        if entry["metadata"]["name"] == name
    ]
    return base64.b64decode(found)


def _contents(release, folder):
    """What users and the auditor find."""
    accounts, secret = folder / "accounts.json", folder / "admin-secret"
    accounts.write_bytes(_secret(release, "lumbung-accounts", "accounts.json"))
    secret.write_bytes(_secret(release, "lumbung-keycloak", "admin-secret"))
    addresses = {
        entry["metadata"]["name"]: entry["spec"]["clusterIP"]
        for entry in release.cluster.objects("services", release.namespace)
    }
    said = release.cluster.inside(
        sys.executable,
        str(ROOT / "tests" / "support" / "contents.py"),
        addresses["lumbung-gateway"],
        addresses["lumbung-keycloak"],
        str(accounts),
        str(secret),
        NEWCOMER,
    ).communicate(timeout=300)[0]
    try:
        return json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        pytest.fail(said[-4000:])


def _back_up(release):
    release.cluster.kubectl(
        "create", "job", "backup-now", "--namespace", release.namespace, "--from", "cronjob/lumbung-backup"
    )
    release.cluster.kubectl(
        "wait", "job/backup-now", "--namespace", release.namespace, "--for=condition=Complete",
        "--timeout=300s", check=False,
    )  # fmt: skip
    return release.cluster.kubectl("logs", "--namespace", release.namespace, "job/backup-now", "--tail", "20")


def _claims(release):
    return {
        entry["metadata"]["name"]
        for entry in release.cluster.objects("persistentvolumeclaims", release.namespace)
    }


def _throw_away(release):
    """Uninstalls, and deletes every claim but that of the backups."""
    release.cluster.helm("uninstall", release.name, "--namespace", release.namespace, "--wait")
    for name in _claims(release) - {"lumbung-backup"}:
        release.cluster.kubectl("delete", "pvc", name, "--namespace", release.namespace)
    deadline = time.monotonic() + 120
    while _claims(release) != {"lumbung-backup"} and time.monotonic() < deadline:
        time.sleep(1)
    assert _claims(release) == {"lumbung-backup"}


def test_a_backup_is_restored_on_an_empty_cluster(own_release, tmp_path, figures):
    release = own_release
    release.cluster.helm("test", release.name, "--namespace", release.namespace, "--timeout", "12m")
    before = _contents(release, tmp_path)
    assert len(before["tables"]["steward-pusat"]) >= 5
    assert before["policies"]
    assert NEWCOMER in before["users"]

    begin = time.monotonic()
    said = _back_up(release)
    figures["seconds_of_backup"] = round(time.monotonic() - begin, 1)
    assert "6 databases" in said, said
    figures["backup"] = said.strip().splitlines()[-1]

    _throw_away(release)
    begin = time.monotonic()
    release.cluster.helm("install", *release.arguments("--set", "restore.from=latest"))
    release.wait_ready(READY_SECONDS)
    figures["minutes_of_install_with_restore"] = round((time.monotonic() - begin) / 60, 2)
    figures["restore"] = release.cluster.kubectl(
        "logs", "--namespace", release.namespace, "--tail", "1",
        "--selector", "app.kubernetes.io/component=setup-databases",
    ).strip()  # fmt: skip
    figures["restarts_while_restoring"] = {
        pod["metadata"]["name"]: count
        for pod in release.pods()
        if (count := sum(entry["restartCount"] for entry in pod["status"]["containerStatuses"]))
    }

    after = _contents(release, tmp_path)
    assert after["tables"] == before["tables"]
    assert after["policies"] == before["policies"]
    assert after["users"] == before["users"]
    assert after["audit"]["intact"]
    # An upgrade that still names the backup changes nothing.
    release.cluster.helm("upgrade", *release.arguments("--set", "restore.from=latest"))
    release.wait_ready(READY_SECONDS)
    assert _contents(release, tmp_path)["tables"] == before["tables"]
