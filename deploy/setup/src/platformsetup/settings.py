"""Settings of the commands: a file named by LUMBUNG_CONFIG, and secrets from the environment."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from lake import S3Settings
from platformsetup import DATABASES
from platformsetup.identity.realm import confidential_clients, role_accounts
from servicekit.settings import PostgresSettings, ServiceSettings

__all__ = [
    "BackupSettings",
    "BucketSettings",
    "CheckSettings",
    "DatabaseSettings",
    "DatabasesSettings",
    "RealmSettings",
    "RestoreSettings",
    "SetupSettings",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SetupSettings(ServiceSettings):
    """What every command can be told."""

    deadline_seconds: float = Field(
        default=300.0, gt=0, le=3600, description="how long the command waits for its server"
    )


class DatabasesSection(_Section):
    """The databases, each with a role of its name."""

    names: tuple[str, ...] = DATABASES
    passwords: dict[str, SecretStr] = Field(
        description="password of each role, by LUMBUNG_DATABASES__PASSWORDS__<NAME>"
    )

    @model_validator(mode="after")
    def _every_name_has_a_password(self) -> "DatabasesSection":
        _demand(self.names, self.passwords, "LUMBUNG_DATABASES__PASSWORDS")
        return self

    def by_name(self) -> dict[str, str]:
        """Password by name."""
        return {name: self.passwords[name].get_secret_value() for name in self.names}


class DatabaseSettings(SetupSettings):
    """`database`: one database with the account of its role (LUMBUNG_POSTGRES__PASSWORD)."""

    postgres: PostgresSettings


class DatabasesSettings(SetupSettings):
    """`databases`: `postgres` is the administrator's account (LUMBUNG_POSTGRES__PASSWORD)."""

    postgres: PostgresSettings
    databases: DatabasesSection


class LakeSection(_Section):
    """The lake's store, with the same keys as in the services' settings."""

    s3: S3Settings


class BucketSettings(SetupSettings):
    """`bucket`: the store of the lake (LUMBUNG_LAKE__S3__SECRET_KEY)."""

    lake: LakeSection


class ServerSection(_Section):
    """Where PostgreSQL is; the roles and their passwords are those of `databases`."""

    host: str = "127.0.0.1"
    port: int = Field(default=5432, ge=1, le=65535)


class BackupSection(_Section):
    """Where backups are kept."""

    folder: Path = Field(description="folder of this installation's backups, one folder in it for each")
    keep: int = Field(default=0, ge=0, le=1000, description="so many backups stay, the newest; 0: all")
    files: Path | None = Field(
        default=None, description="a folder whose files are taken along (the local stack's secrets)"
    )


class CheckSettings(SetupSettings):
    """`check`: every database by its own role, and the bucket."""

    server: ServerSection = ServerSection()
    databases: DatabasesSection
    lake: LakeSection


class BackupSettings(CheckSettings):
    """`backup`: as `check`, and where backups are kept."""

    backup: BackupSection


class RestoreSection(_Section):
    """Which backup is restored."""

    folder: Path = Field(description="folder of backups")
    name: str = Field(
        default="latest",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="name of the backup, or `latest`",
    )


class RestoreSettings(DatabasesSettings):
    """`restore`: as `databases`, with the bucket and the backup."""

    lake: LakeSection
    restore: RestoreSection


class RealmSection(_Section):
    """Keycloak and what its realm holds."""

    url: str = Field(pattern=r"^https?://", description="Keycloak's own address, as seen from here")
    public_url: str = Field(pattern=r"^https?://[^/]+$", description="the gateway, as browsers see it")
    admin_client: str = "lumbung-setup"
    admin_secret: SecretStr = Field(
        description="secret of `admin_client`, that Keycloak was first started with"
    )
    clients: dict[str, SecretStr] = Field(
        description="secret of each confidential client, by LUMBUNG_REALM__CLIENTS__<NAME>"
    )
    role_accounts: bool = Field(
        default=False, description="accounts with a password for each role, for trials and tests only"
    )
    accounts: dict[str, SecretStr] = Field(
        default_factory=dict, description="password of each role account, by LUMBUNG_REALM__ACCOUNTS__<NAME>"
    )

    @model_validator(mode="after")
    def _every_name_has_a_secret(self) -> "RealmSection":
        _demand(confidential_clients(), self.clients, "LUMBUNG_REALM__CLIENTS")
        if self.role_accounts:
            _demand(role_accounts(), self.accounts, "LUMBUNG_REALM__ACCOUNTS")
        return self

    def client_secrets(self) -> dict[str, str]:
        """Secret by client."""
        return {name: secret.get_secret_value() for name, secret in self.clients.items()}

    def account_passwords(self) -> dict[str, str]:
        """Password by role account; empty where there are to be none."""
        wanted = self.accounts if self.role_accounts else {}
        return {name: secret.get_secret_value() for name, secret in wanted.items()}


class RealmSettings(SetupSettings):
    """`realm`: roles, clients and accounts in Keycloak."""

    realm: RealmSection


def _demand(names: tuple[str, ...], given: dict[str, SecretStr], variable: str) -> None:
    missing = [name for name in names if not (name in given and given[name].get_secret_value())]
    if missing:
        raise ValueError(
            f"no secret for {', '.join(missing)}: set {variable}__{missing[0].upper()} and so on"
        )
