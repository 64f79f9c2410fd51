"""The commands. Each can be repeated at any time, waits for its server until a deadline, and says what it did.

Exit codes: 0 done; 1 somebody has to mend what the message names, waiting does not help; 2 wrong arguments or
settings; 3 the server was not ready within the deadline.
"""

import argparse
import sys
from collections.abc import Callable

from platformsetup.errors import NotReadyError, SetupError
from platformsetup.waiting import wait_until
from servicekit.settings import SettingsError, load_settings

__all__ = ["main"]

_TO_MEND, _WRONG_SETTINGS, _TOO_LATE = 1, 2, 3


def _databases() -> str:
    from platformsetup.databases import connect_to, ensure_databases  # noqa: PLC0415 - each loads its own driver
    from platformsetup.settings import DatabasesSettings  # noqa: PLC0415

    settings = load_settings(DatabasesSettings)
    server, passwords = settings.postgres, settings.databases.by_name()

    def attempt() -> None:
        with connect_to(server) as connection:
            ensure_databases(connection, passwords)

    where = f"PostgreSQL at {server.host}:{server.port}"
    wait_until(where, attempt, seconds=settings.deadline_seconds)
    return f"{where}: databases and roles {', '.join(passwords)}"


def _database() -> str:
    from platformsetup.databases import connect_to  # noqa: PLC0415 - each loads its own driver
    from platformsetup.settings import DatabaseSettings  # noqa: PLC0415

    settings = load_settings(DatabaseSettings)
    server = settings.postgres

    def attempt() -> None:
        try:
            connect_to(server).close()
        except SetupError as error:
            # Also a role or a database that is not there yet: another job makes them.
            raise NotReadyError(str(error)) from error

    where = f"PostgreSQL at {server.host}:{server.port}"
    wait_until(where, attempt, seconds=settings.deadline_seconds)
    return f"{where}: {server.user} may enter {server.database}"


def _bucket() -> str:
    from platformsetup.bucket import prepare_bucket  # noqa: PLC0415 - the lake's libraries are heavy
    from platformsetup.settings import BucketSettings  # noqa: PLC0415

    settings = load_settings(BucketSettings)
    s3 = settings.lake.s3
    where = f"S3 at {s3.url}"
    wait_until(where, lambda: prepare_bucket(s3), seconds=settings.deadline_seconds)
    return f"{where}: bucket {s3.bucket}; of racing conditional puts exactly one won"


def _realm() -> str:
    from platformsetup.identity.realm import REALM, realm_document  # noqa: PLC0415
    from platformsetup.identity.reconcile import KeycloakAdmin  # noqa: PLC0415
    from platformsetup.settings import RealmSettings  # noqa: PLC0415

    settings = load_settings(RealmSettings)
    wanted = settings.realm
    accounts = wanted.account_passwords()
    realm = realm_document(wanted.client_secrets(), accounts, gateway_url=wanted.public_url)
    admin = KeycloakAdmin(wanted.url, wanted.admin_secret.get_secret_value(), client_id=wanted.admin_client)
    where = f"Keycloak at {wanted.url}"
    wait_until(where, lambda: admin.reconcile(realm), seconds=settings.deadline_seconds)
    with_accounts = f"{len(accounts)} role accounts" if accounts else "no role accounts"
    return f"{where}: realm {REALM}, {len(realm['clients'])} clients, {with_accounts}"


def _backup() -> str:
    from platformsetup.backup.run import run_backup  # noqa: PLC0415 - the lake's libraries are heavy
    from platformsetup.settings import BackupSettings  # noqa: PLC0415

    return run_backup(load_settings(BackupSettings))


def _restore() -> str:
    from platformsetup.backup.run import run_restore  # noqa: PLC0415 - the lake's libraries are heavy
    from platformsetup.settings import RestoreSettings  # noqa: PLC0415

    return run_restore(load_settings(RestoreSettings))


def _check() -> str:
    from platformsetup.check import check_servers  # noqa: PLC0415 - the lake's libraries are heavy
    from platformsetup.settings import CheckSettings  # noqa: PLC0415

    return check_servers(load_settings(CheckSettings))


_COMMANDS: dict[str, tuple[Callable[[], str], str]] = {
    "databases": (_databases, "create the databases and roles, and set the roles' passwords"),
    "database": (_database, "wait until a role may enter its database (for a server that would end instead)"),
    "bucket": (
        _bucket,
        "create the lake's bucket, and refuse a store whose conditional puts let two writers win",
    ),
    "realm": (_realm, "create the sign-in realm in Keycloak, or mend it"),
    "check": (_check, "tell as JSON what is wrong with databases, schemas and bucket (for `lumbung doctor`)"),
    "backup": (_backup, "copy every database and the lake's bucket into a folder, while all runs"),
    "restore": (
        _restore,
        "make databases and roles and fill them, and the bucket, from a backup; only where nothing is",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; see the module for the exit codes."""
    parser = argparse.ArgumentParser(
        prog="python -m platformsetup",
        description="Sets up what the services need. Settings: the YAML file LUMBUNG_CONFIG; secrets: environment.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in _COMMANDS.items():
        commands.add_parser(name, help=text, description=text)
    run, _ = _COMMANDS[parser.parse_args(arguments).command]
    try:
        sys.stdout.write(f"{run()}\n")
    except SettingsError as error:
        return _fail(error, _WRONG_SETTINGS)
    except SetupError as error:
        return _fail(error, _TO_MEND)
    except NotReadyError as error:
        return _fail(error, _TOO_LATE)
    return 0


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
