"""PostgreSQL and S3 under the supervisor: start, heal, adopt, refuse, end."""

import os
import signal
import socket
import stat

import psycopg
import pytest

from localstack.census import SUPERVISOR, census
from localstack.layout import Layout
from localstack.process import Identity
from localstack.vault import Vault

pytestmark = pytest.mark.timeout(400)
ONLY = ("up", "--only", "postgres,s3")


@pytest.fixture(scope="module", autouse=True, name="said")
def _said(stack):
    done = stack.run(*ONLY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pid_of(stack, name):
    return stack.status()["parts"][name]["pid"]


def connect(stack, role, database=None):
    vault = Vault(Layout(stack.settings.data_dir).secrets)
    return psycopg.connect(
        host="127.0.0.1",
        port=stack.settings.ports["postgres"],
        user=role,
        password=vault.table("databases")[role],
        dbname=database or role,
        connect_timeout=5,
    )


def test_up_tells_urls_and_leaves_green_parts(stack, said):
    assert f"127.0.0.1:{stack.settings.ports['postgres']}" in said
    status = stack.status()
    assert status["green"]
    assert {name for name, part in status["parts"].items() if part["state"] == "ready"} == {
        "postgres",
        "s3",
        "guardian",
    }
    assert status["parts"]["postgres"]["memory_bytes"] > 2**20


def test_each_role_enters_its_own_database_only(stack):
    with connect(stack, "lumbung_catalog") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        connect(stack, "lumbung_ingest", "lumbung_catalog")


def test_a_wrong_password_is_refused(stack):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host="127.0.0.1",
            port=stack.settings.ports["postgres"],
            user="lumbung_lake",
            password="wrong",
            dbname="lumbung_lake",
        )


def test_secrets_are_private(stack):
    secrets = Layout(stack.settings.data_dir).secrets
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}


def test_everything_listens_on_loopback(stack):
    import psutil

    own = {identity.pid for identity in census(Layout(stack.settings.data_dir))}
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.pid in own
    ]
    ports = stack.settings.ports
    assert {address.port for address in listening} >= {ports["postgres"], ports["s3"]}
    assert {address.ip.removeprefix("::ffff:") for address in listening} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("name", ["postgres", "s3", "guardian"])
def test_a_killed_part_is_started_again(stack, name):
    before = stack.wait_green(60)["parts"][name]
    os.kill(before["pid"], signal.SIGKILL)
    while stack.status()["parts"][name]["pid"] == before["pid"]:
        pass
    after = stack.wait_green(30)["parts"][name]
    assert after["restarts"] == before["restarts"] + 1
    assert after["pid"] != before["pid"]


def test_data_outlives_the_kill(stack):
    with connect(stack, "lumbung_catalog") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_killed_supervisor_comes_back_and_adopts_its_parts(stack):
    before = stack.wait_green(60)
    layout = Layout(stack.settings.data_dir)
    (supervisor,) = [identity for identity, name in census(layout).items() if name == SUPERVISOR]
    supervisor.send(signal.SIGKILL)
    while supervisor.alive():
        pass
    after = stack.wait_green(30)
    assert {name: part["pid"] for name, part in after["parts"].items()} == {
        name: part["pid"] for name, part in before["parts"].items()
    }


def test_up_again_keeps_what_runs(stack):
    before = pid_of(stack, "postgres")
    done = stack.run(*ONLY)
    assert done.returncode == 0, done.stdout
    assert "kept running" in done.stdout
    assert pid_of(stack, "postgres") == before


def test_down_ends_all_and_up_refuses_a_foreign_port(stack):
    layout = Layout(stack.settings.data_dir)
    assert stack.run("down").returncode == 0
    assert census(layout) == {}
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", stack.settings.ports["postgres"]))
        squatter.listen()
        refused = stack.run(*ONLY)
        assert refused.returncode == 1
        assert str(stack.settings.ports["postgres"]) in refused.stderr
        assert "LUMBUNG_BASE_PORT" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        own = Identity.of(os.getpid())
        assert own is not None
        assert own.alive()
    assert census(layout) == {}
    assert stack.run("status").returncode == 1
    assert stack.run(*ONLY).returncode == 0
    with connect(stack, "lumbung_catalog") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
