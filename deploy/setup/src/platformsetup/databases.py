"""One database per service, each with a role of the same name that alone may connect to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from platformsetup.errors import NotReadyError, SetupError
from servicekit.settings import PostgresSettings

__all__ = ["connect", "connect_to", "create_database", "database_names", "ensure_databases", "ensure_roles"]

_REFUSALS = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "permission denied")


def connect(**parameters: Any) -> psycopg.Connection[tuple[object, ...]]:
    """Connection that commits each statement; the parameters are psycopg's.

    Raises SetupError when the server refuses this account, NotReadyError when it does not answer.
    """
    try:
        return psycopg.connect(**parameters, connect_timeout=5, autocommit=True)
    except psycopg.OperationalError as error:
        reason = _first_line(error)
        if any(words in reason for words in _REFUSALS):
            raise SetupError(
                f"PostgreSQL refuses the account {parameters.get('user')}: {reason}; "
                "check its name, password and database"
            ) from error
        raise NotReadyError(reason) from error


def connect_to(server: PostgresSettings) -> psycopg.Connection[tuple[object, ...]]:
    """The connection that settings describe; raises as `connect` does."""
    return connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password.get_secret_value(),
    )


def ensure_databases(
    connection: psycopg.Connection[tuple[object, ...]], passwords: Mapping[str, str]
) -> None:
    """Creates every role and database that is missing, and sets every password to the given one.

    `passwords` maps a name, of the role and of its database, to the role's password. The connection's account is a
    superuser, or may create roles and databases (as the administrators of managed servers are).
    """
    with _explained():
        ensure_roles(connection, passwords)
        databases = database_names(connection)
        for name in passwords:
            if name not in databases:
                create_database(connection, name, owner=name)


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]], passwords: Mapping[str, str]) -> None:
    """Creates every role that is missing, and sets every password to the given one."""
    with _explained():
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        account = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        superuser = account is not None and bool(account[0])
        for name, password in passwords.items():
            verb = "ALTER" if name in roles else "CREATE"
            role, secret = sql.Identifier(name), sql.Literal(password)
            connection.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(role, secret))
            if not superuser:
                # Only a member of a role may make a database that belongs to it.
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))


def database_names(connection: psycopg.Connection[tuple[object, ...]]) -> set[str]:
    """Every database of the server."""
    return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}


def create_database(connection: psycopg.Connection[tuple[object, ...]], name: str, *, owner: str) -> None:
    """Creates a database that its owner alone may connect to."""
    with _explained():
        database = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, sql.Identifier(owner)))
        connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database))


@contextmanager
def _explained() -> Iterator[None]:
    """What the server refuses, in our words."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise NotReadyError(_first_line(error)) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise SetupError(
            f"PostgreSQL's administrator may not do this: {_first_line(error)}; "
            "it has to be a superuser, or to have CREATEROLE and CREATEDB"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
