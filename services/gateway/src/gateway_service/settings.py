"""Settings of the gateway; the same schema on a laptop and in a cluster."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from servicekit.settings import AuthSettings, PeerSettings, ServiceSettings

__all__ = [
    "AccessLogSettings",
    "DiscoverySettings",
    "GatewaySettings",
    "GatewayTelemetry",
    "LimitsSettings",
    "PredictionSettings",
    "PublicListenSettings",
    "TlsSettings",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(_Section):
    """Certificate of the public port (PEM files)."""

    certificate_file: Path
    private_key_file: Path


class PublicListenSettings(_Section):
    """The one public port, and the administration port, which never leaves the machine."""

    host: str = "127.0.0.1"
    port: int = Field(default=18000, ge=1, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=18001, ge=1, le=65535)
    status_port: int | None = Field(
        default=None, ge=1, le=65535, description="`GET /ready` and `GET /metrics` for probes and scrapers"
    )
    tls: TlsSettings | None = None


class DiscoverySettings(PeerSettings):
    """The inference service, as far as it names its replicas (Envoy's endpoint discovery by REST)."""

    timeout_seconds: float = Field(default=2.0, gt=0)
    refresh_seconds: float = Field(default=1.0, ge=0.1, le=60, description="how often it is asked")


class PredictionSettings(_Section):
    """Where predictions are served.

    With `discovery`, the inference service is asked where its replicas are, and they are followed while the gateway
    runs. Else `grpc` and `http` hold: one address, or a name whose addresses are followed.
    """

    grpc: PeerSettings = PeerSettings(target="127.0.0.1:18050")
    http: PeerSettings = PeerSettings(target="127.0.0.1:18052")
    discovery: DiscoverySettings | None = None
    application: str | None = Field(default=None, description="sent as metadata `application` when set")


class LimitsSettings(_Section):
    """What the gateway takes before it refuses. Times in seconds, sizes in bytes."""

    unary_seconds: float = Field(default=30.0, gt=0)
    stream_seconds: float = Field(default=3600.0, gt=0)
    stream_idle_seconds: float = Field(default=300.0, gt=0)
    method_seconds: dict[str, float] = Field(
        default={"lumbung.inference.v1.ModelService/DeployModelVersion": 180.0},
        description="deadline of single methods, by `package.Service/Method`",
    )
    request_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="of a request that is not a stream"
    )
    header_kib: int = Field(default=60, ge=8, le=96)
    requests_per_second: int = Field(default=2000, ge=10)
    burst: int = Field(default=4000, ge=1)
    connections: int = Field(default=10_000, ge=1)
    heap_bytes: int = Field(default=512 * 1024 * 1024, ge=64 * 1024 * 1024)


class AccessLogSettings(_Section):
    """One JSON line per request. `/dev/stdout` where the platform collects logs."""

    path: str = "/dev/stdout"


class GatewayTelemetry(_Section):
    """Where spans go. A caller's decision to sample is followed; `sample_ratio` is for the others."""

    otlp: PeerSettings | None = None
    sample_ratio: float = Field(default=0.05, ge=0, le=1)


def _local_services() -> dict[str, PeerSettings]:
    names = ("ingest", "catalog", "compute", "inference")
    return {name: PeerSettings(target=f"127.0.0.1:{18070 + i}") for i, name in enumerate(names)}


class GatewaySettings(ServiceSettings):
    """Everything that the generated configuration depends on, but for the protos."""

    listen: PublicListenSettings = PublicListenSettings()
    auth: AuthSettings = AuthSettings(
        issuer="http://127.0.0.1:18002/realms/lumbung",
        jwks_url="http://127.0.0.1:18002/realms/lumbung/protocol/openid-connect/certs",
    )
    services: dict[str, PeerSettings] = Field(
        default_factory=_local_services,
        description="address of each service by the second word of its package, `lumbung.<word>.v1`",
    )
    health_service: str = Field(default="catalog", description="answers grpc.health.v1.Health/Check")
    portal: PeerSettings = PeerSettings(target="127.0.0.1:18074")
    predictions: PredictionSettings = PredictionSettings()
    telemetry: GatewayTelemetry = GatewayTelemetry()
    access_log: AccessLogSettings = AccessLogSettings()
    limits: LimitsSettings = LimitsSettings()
    allowed_origins: tuple[str, ...] = Field(
        default=("http://127.0.0.1:18000",), description="browser origins that may call (CORS)"
    )
    environment: str = "local"

    @model_validator(mode="after")
    def _health_service_is_known(self) -> "GatewaySettings":
        if self.health_service not in self.services:
            known = ", ".join(sorted(self.services))
            raise ValueError(f"health_service is {self.health_service!r}, but services has only: {known}")
        return self
