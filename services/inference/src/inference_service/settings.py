"""Settings of the inference service and of the Ray head beside it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from inference_service.replica.settings import ListenSettings as ReplicaListenSettings
from inference_service.replica.settings import ReplicaLimits
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

__all__ = ["InferenceSettings", "LakeSection", "LimitSettings", "RaySettings"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LakeSection(_Section):
    """Where model files lie. This service touches no tables; `postgres` is there only to share the lake's section."""

    s3: S3Settings
    postgres: PostgresSettings | None = None


class RaySettings(_Section):
    """The Ray head, and where its replicas answer."""

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


class LimitSettings(_Section):
    """Limits; sizes in bytes, times in seconds."""

    inspection_memory_bytes: int = Field(default=2 * 2**30, ge=256 * 2**20)
    inspection_seconds: float = Field(default=30.0, gt=0, le=300)
    deploy_seconds: float = Field(default=60.0, gt=0, le=600)
    replica: ReplicaLimits = ReplicaLimits()
    reconcile_seconds: float = Field(default=2.0, gt=0, le=60)


class InferenceSettings(ServiceSettings):
    """Everything the service reads at its start."""

    listen: ListenSettings
    auth: AuthSettings
    identity: IdentitySettings
    postgres: PostgresSettings
    telemetry: TelemetrySettings = TelemetrySettings()
    lake: LakeSection
    catalog: PeerSettings
    ray: RaySettings
    limits: LimitSettings = LimitSettings()
