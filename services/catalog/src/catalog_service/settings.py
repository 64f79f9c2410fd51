"""The catalog's settings."""

from pydantic import BaseModel, ConfigDict, SecretStr

from servicekit.settings import (
    AuthSettings,
    IdentitySettings,
    ListenSettings,
    PostgresSettings,
    ServiceSettings,
    TelemetrySettings,
)

__all__ = ["AuditSettings", "CatalogSettings"]


class AuditSettings(BaseModel):
    """How the end of the audit log is signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_key: SecretStr | None = None
    """Key of the signature (LUMBUNG_AUDIT__CHECKPOINT_KEY). Without one, who can write the database can rewrite the
    whole log with its end, and only the checkpoints in the service's own log show it."""


class CatalogSettings(ServiceSettings):
    """Everything that the catalog can be told."""

    listen: ListenSettings
    auth: AuthSettings
    postgres: PostgresSettings
    telemetry: TelemetrySettings = TelemetrySettings()
    audit: AuditSettings = AuditSettings()
    identity: IdentitySettings | None = None
    """Every service is given its own account; the catalog calls nobody yet."""
