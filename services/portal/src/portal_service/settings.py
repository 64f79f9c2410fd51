"""Settings of the portal."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.settings import AuthSettings, ListenSettings, ServiceSettings, TelemetrySettings

__all__ = ["PartSettings", "PortalSettings", "SessionSettings"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartSettings(_Section):
    """One part of the platform that the state page shows.

    `address` is `host:port` for the kinds "grpc" (health service) and "tcp", a URL for "http".
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    kind: Literal["grpc", "http", "tcp"]
    address: str


class SessionSettings(_Section):
    """Sessions live in the portal's memory; the cookie only names one.

    Without `secret`, each start makes its own, and whoever was signed in signs in again.
    """

    secret: SecretStr | None = None
    hours: float = Field(default=8.0, gt=0, le=24)
    most: int = Field(default=10_000, ge=1, description="sessions kept; beyond it the oldest ends")


class PortalSettings(ServiceSettings):
    """Everything that the portal needs to know."""

    listen: ListenSettings = ListenSettings(port=18074, metrics_port=18084)
    auth: AuthSettings = AuthSettings(
        issuer="http://127.0.0.1:18002/realms/lumbung",
        jwks_url="http://127.0.0.1:18002/realms/lumbung/protocol/openid-connect/certs",
    )
    telemetry: TelemetrySettings = TelemetrySettings()
    public_url: str = Field(
        default="http://127.0.0.1:18000",
        pattern=r"^https?://[^/]+$",
        description="as browsers see the gateway",
    )
    client_id: str = "lumbung-portal"
    session: SessionSettings = SessionSettings()
    parts: tuple[PartSettings, ...] = ()
    probe_seconds: float = Field(default=2.0, gt=0, le=10, description="patience with one part")
    fresh_seconds: float = Field(default=3.0, ge=0, description="how long an observed state is shown again")
    time_zone: str = "Asia/Jakarta"
