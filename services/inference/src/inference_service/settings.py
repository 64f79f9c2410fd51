"""Settings of the inference service and of the Ray head beside it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inference_service.replica.settings import ListenSettings as ReplicaListenSettings
from inference_service.replica.settings import (
    ReplicaLimits,
    ReplicaSettings,
    ReportSettings,
    replica_document,
)
from lake import S3Settings
from servicekit.settings import (
    AuthSettings,
    IdentitySettings,
    ListenSettings,
    PeerSettings,
    PostgresSettings,
    ServiceSettings,
    TelemetrySettings,
)

__all__ = [
    "DiscoverySettings",
    "InferenceSettings",
    "LakeSection",
    "LimitSettings",
    "NodeSettings",
    "RaySettings",
    "replica_settings",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeSection(_Section):
    """Where model files lie. This service touches no tables; `postgres` is there only to share the lake's section."""

    s3: S3Settings
    postgres: PostgresSettings | None = None


class DiscoverySettings(_Section):
    """Where the gateway asks for the replicas, and how long one that is silent counts (see Ray's `report`)."""

    host: str = "127.0.0.1"
    port: int = Field(default=18053, ge=1, le=65535)
    lease_seconds: float = Field(default=5.0, ge=1, le=60)


class RaySettings(_Section):
    """The Ray head, and where its replicas answer.

    On several nodes (`workers`), each node has one replica on ports of its own (`listen.ports`), which reports itself
    (`report`), and the gateway asks this service where they are (`discovery`).
    """

    address: str = Field(default="127.0.0.1:18030", description="host:port of the head's GCS")
    token_path: Path = Field(description="file with Ray's token")
    replica_settings_path: Path = Field(
        description="file that this service writes (mode 0600) and the replicas read"
    )
    ingress: PeerSettings = Field(
        default=PeerSettings(target="127.0.0.1:18050"), description="where this service reaches the replicas"
    )
    listen: ReplicaListenSettings = Field(
        default=ReplicaListenSettings(), description="where the replicas answer gRPC and HTTP"
    )
    replicas: int = Field(default=1, ge=1, le=64)
    order_seconds: float = Field(default=45.0, gt=0, description="how long one order to Ray may take")
    loopback: bool = Field(
        default=True, description="everything of Ray is on this machine's loopback address"
    )
    workers: str | None = Field(
        default=None, description="host name whose addresses are those of the worker nodes that are ready"
    )
    report: ReportSettings | None = None
    discovery: DiscoverySettings = DiscoverySettings()

    @model_validator(mode="after")
    def _several_nodes_are_found(self) -> "RaySettings":
        if self.workers is not None and (self.report is None or self.listen.ports == 0 or self.loopback):
            raise ValueError(
                "with workers, report has to be set, listen.ports to be above 0 and loopback to be false"
            )
        return self


class LimitSettings(_Section):
    """Limits; sizes in bytes, times in seconds."""

    inspection_memory_bytes: int = Field(default=2 * 2**30, ge=256 * 2**20)
    inspection_seconds: float = Field(default=30.0, gt=0, le=300)
    deploy_seconds: float = Field(default=60.0, gt=0, le=600)
    replica: ReplicaLimits = ReplicaLimits()
    reconcile_seconds: float = Field(default=2.0, gt=0, le=60)


class NodeSettings(ServiceSettings):
    """What a node needs on which replicas run."""

    auth: AuthSettings
    identity: IdentitySettings
    telemetry: TelemetrySettings = TelemetrySettings()
    lake: LakeSection
    catalog: PeerSettings
    ray: RaySettings
    limits: LimitSettings = LimitSettings()


class InferenceSettings(NodeSettings):
    """Everything the service reads at its start."""

    listen: ListenSettings
    postgres: PostgresSettings


def replica_settings(settings: NodeSettings) -> str:
    """The document that replicas of a node read, secrets included; the same on every node."""
    return replica_document(
        ReplicaSettings(
            auth=settings.auth,
            listen=settings.ray.listen,
            report=settings.ray.report,
            ray_on_loopback=settings.ray.loopback,
            s3=settings.lake.s3,
            telemetry=settings.telemetry,
            catalog=settings.catalog,
            identity=settings.identity,
            limits=settings.limits.replica,
        )
    )
