"""The servers of an installation, real and throw-away, and its backup and restore as the jobs have them."""

import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from lake import LakeSettings
from platformsetup import DATABASES
from platformsetup.backup.run import run_backup, run_restore
from platformsetup.databases import connect, ensure_databases
from platformsetup.settings import BackupSettings, RestoreSettings

from support.servers import PostgresServer, S3Server, run_postgres, run_s3

__all__ = ["BUCKET", "Installation", "run_installation"]

BUCKET = "lumbung-lake"


@dataclass
class Installation:
    """One PostgreSQL and one S3; `passwords` are the roles' own."""

    postgres: PostgresServer
    s3: S3Server
    passwords: dict[str, str] = field(
        default_factory=lambda: {name: secrets.token_hex(8) for name in DATABASES}
    )

    def administrator(self):
        """The superuser's connection."""
        return connect(
            host=self.postgres.host,
            port=self.postgres.port,
            dbname="postgres",
            user="postgres",
            password=self.postgres.superuser_password,
        )

    def connection(self, name):
        """A role's connection to its own database; each statement is committed."""
        return psycopg.connect(
            host=self.postgres.host,
            port=self.postgres.port,
            dbname=name,
            user=name,
            password=self.passwords[name],
            autocommit=True,
        )

    def set_up(self):
        """Databases and bucket, as the set-up makes them."""
        with self.administrator() as connection:
            ensure_databases(connection, self.passwords)
        self.bucket.make_bucket(BUCKET)

    def clear(self):
        """Throws away every database, every role and every object."""
        with self.administrator() as connection:
            for name in DATABASES:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                connection.execute(f"DROP DATABASE IF EXISTS {name}_restoring WITH (FORCE)")
                connection.execute(f"DROP ROLE IF EXISTS {name}")
        if self.bucket.bucket_exists(BUCKET):
            for found in self.bucket.list_objects(BUCKET, recursive=True):
                self.bucket.remove_object(BUCKET, found.object_name)

    @property
    def bucket(self):
        """Client of the S3."""
        return self.s3.client()

    def keys(self):
        """Every key in the bucket."""
        return {found.object_name for found in self.bucket.list_objects(BUCKET, recursive=True)}

    @property
    def s3_settings(self):
        """The section `s3`."""
        return {
            "endpoint": self.s3.endpoint,
            "access_key": self.s3.access_key,
            "secret_key": self.s3.secret_key,
            "bucket": BUCKET,
        }

    @property
    def lake_settings(self):
        """Where the tables are."""
        name = "lumbung_lake"
        postgres = {"host": self.postgres.host, "port": self.postgres.port, "database": name, "user": name}
        return LakeSettings.model_validate(
            {"postgres": {**postgres, "password": self.passwords[name]}, "s3": self.s3_settings}
        )

    def backup(self, folder, **more):
        """Makes a backup into a folder of backups; gives what was said."""
        return run_backup(
            BackupSettings.model_validate(
                {
                    "server": {"host": self.postgres.host, "port": self.postgres.port},
                    "databases": {"passwords": self.passwords},
                    "lake": {"s3": self.s3_settings},
                    "backup": {"folder": folder, **more},
                }
            )
        )

    def restore(self, folder, *, user="postgres", password=None, bucket=BUCKET, **more):
        """Restores a backup; gives what was said."""
        return run_restore(
            RestoreSettings.model_validate(
                {
                    "deadline_seconds": 5,
                    "postgres": {
                        "host": self.postgres.host,
                        "port": self.postgres.port,
                        "database": "postgres",
                        "user": user,
                        "password": password or self.postgres.superuser_password,
                    },
                    "databases": {"passwords": self.passwords},
                    "lake": {"s3": {**self.s3_settings, "bucket": bucket}},
                    "restore": {"folder": folder, **more},
                }
            )
        )


@contextmanager
def run_installation():
    """Servers of an installation's own, with nothing in them yet."""
    with ExitStack() as stack:
        yield Installation(stack.enter_context(run_postgres()), stack.enter_context(run_s3()))
