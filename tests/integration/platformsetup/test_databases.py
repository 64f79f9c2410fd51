"""`databases` against a real PostgreSQL: as its superuser, and as the administrator of a managed server."""

import secrets
import threading

import psycopg
import pytest
from psycopg import sql

from support.ports import free_port
from support.setupcommand import setup_command

VARIABLE = "LUMBUNG_DATABASES__PASSWORDS__"


@pytest.fixture
def names(postgres_server):
    made = tuple(f"setup_{secrets.token_hex(4)}" for _ in range(2))
    yield made
    with psycopg.connect(postgres_server.superuser_dsn, autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture
def manager(postgres_server):
    """An administrator as managed servers give one: it may create roles and databases, and is no superuser."""
    name = f"manager_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.superuser_dsn, autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD 'm'").format(role))
        yield name
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def run(server, names, folder, *, user="postgres", password=None, port=None, given=None, seconds=20):
    settings = {
        "deadline_seconds": seconds,
        "postgres": {"host": server.host, "port": port or server.port, "database": "postgres", "user": user},
        "databases": {"names": list(names)},
    }
    environment = {"LUMBUNG_POSTGRES__PASSWORD": password or server.superuser_password}
    passwords = given if given is not None else {name: f"password-of-{name}" for name in names}
    environment |= {f"{VARIABLE}{name.upper()}": text for name, text in passwords.items()}
    return setup_command("databases", settings, environment, folder)


def enter(server, role, password, database):
    return psycopg.connect(
        host=server.host, port=server.port, user=role, password=password, dbname=database, connect_timeout=5
    )


def test_each_role_enters_its_own_database_and_a_second_run_changes_passwords(
    postgres_server, names, tmp_path
):
    first, second = names
    done = run(postgres_server, names, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with enter(postgres_server, first, f"password-of-{first}", first) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        enter(postgres_server, first, f"password-of-{first}", second)

    assert run(postgres_server, names, tmp_path, given={first: "new", second: "other"}).returncode == 0
    with enter(postgres_server, first, "new", first) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        enter(postgres_server, second, f"password-of-{second}", second)


def test_an_administrator_who_is_no_superuser_is_enough(postgres_server, manager, names, tmp_path):
    for _ in range(2):
        done = run(postgres_server, names, tmp_path, user=manager, password="m")
        assert (done.returncode, done.stderr) == (0, "")
    enter(postgres_server, names[0], f"password-of-{names[0]}", names[0]).close()
    with psycopg.connect(postgres_server.superuser_dsn, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_one_who_may_not_is_told_what_is_needed(postgres_server, names, tmp_path):
    plain = postgres_server.create_database("setup")
    done = run(postgres_server, names, tmp_path, user=plain.user, password=plain.password)
    postgres_server.drop_database(plain)
    assert done.returncode == 1
    assert "CREATEROLE and CREATEDB" in done.stderr


def test_a_wrong_password_is_not_waited_for(postgres_server, names, tmp_path):
    done = run(postgres_server, names, tmp_path, password="wrong")
    assert done.returncode == 1
    assert "refuses the account postgres" in done.stderr
    assert "waiting" not in done.stderr


def test_an_absent_server_is_waited_for_until_the_deadline(postgres_server, names, tmp_path):
    port = free_port()
    done = run(postgres_server, names, tmp_path, port=port, seconds=1.5)
    assert done.returncode == 3
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"waiting for PostgreSQL at 127.0.0.1:{port} (0 of 2 s): ")
    assert last.startswith(f"PostgreSQL at 127.0.0.1:{port} was not ready within 2 s: ")


def test_a_role_without_a_password_stops_before_anything_is_done(postgres_server, names, tmp_path):
    done = run(postgres_server, names, tmp_path, given={names[0]: "x"})
    assert done.returncode == 2
    assert f"no secret for {names[1]}" in done.stderr
    assert f"{VARIABLE}{names[1].upper()}" in done.stderr


def test_a_server_that_would_end_waits_for_its_database(postgres_server, names, tmp_path):
    name, _ = names
    settings = {"host": postgres_server.host, "port": postgres_server.port, "database": name, "user": name}
    environment = {"LUMBUNG_POSTGRES__PASSWORD": f"password-of-{name}"}

    def wait(seconds):
        return setup_command(
            "database", {"deadline_seconds": seconds, "postgres": settings}, environment, tmp_path
        )

    early = wait(1)
    assert early.returncode == 3
    assert f"waiting for PostgreSQL at {postgres_server.host}:{postgres_server.port}" in early.stderr
    timer = threading.Timer(2, lambda: run(postgres_server, names, tmp_path / "later"))
    (tmp_path / "later").mkdir()
    timer.start()
    waited = wait(30)
    timer.join()
    assert (waited.returncode, f"{name} may enter {name}" in waited.stdout) == (0, True), waited
    assert "waiting for" in waited.stderr
