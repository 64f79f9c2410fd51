"""The loaded stack is backed up while it runs, and comes back as another stack: data, users, policies, audit log."""

import os
import subprocess
import sys
import time

from localstack.settings import load_settings

from support.contents import Users, digests, policies
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


def _contents(stack):
    secret = (stack.settings.data_dir / "secrets" / "keycloak-admin").read_text()
    with Users(stack.keycloak_url, ADMIN_CLIENT, secret) as users:
        users.create(NEWCOMER)
        return {
            "users": users.all(),
            "tables": {account: digests(stack.client(account)) for account in (STEWARD, ANALYST)},
            "policies": policies(stack.client(STEWARD)),
            "rows": row_counts(stack),
        }


def test_a_backup_comes_back_as_another_stack(loaded_stack, tmp_path_factory):
    before = _contents(loaded_stack)
    assert len(before["tables"][STEWARD]) >= 5
    assert before["policies"]
    begin = time.monotonic()
    target = tmp_path_factory.mktemp("backups")
    assert "6 databases" in _run(loaded_stack.environment, "backup", "--to", str(target))
    took = time.monotonic() - begin
    (backup,) = target.iterdir()
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
        assert _contents(other) == before
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
