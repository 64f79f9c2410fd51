"""Settings of the ingest service; limits are in bytes and seconds."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ingest_service.engine.job import ValidationLimits
from lake import LakeSettings
from servicekit.settings import (
    AuthSettings,
    IdentitySettings,
    ListenSettings,
    MeasurementSettings,
    PeerSettings,
    PostgresSettings,
    ServiceSettings,
    TelemetrySettings,
)

__all__ = [
    "IngestSettings",
    "JobSettings",
    "ProposalSettings",
    "SourceHost",
    "SourceSettings",
    "TopicSettings",
    "UploadSettings",
    "ValidationSettings",
]


class UploadSettings(BaseModel):
    """What an upload may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_file_bytes: int = Field(default=2 * 1024**3, gt=0)
    max_chunk_bytes: int = Field(default=4 * 1024**2, gt=0, le=8 * 1024**2)
    expire_hours: float = Field(default=48.0, gt=0)
    max_open_per_caller: int = Field(default=100, gt=0)


class ValidationSettings(BaseModel):
    """Bounds of the process that checks one file; `work_dir` holds the file while it is checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    work_dir: Path | None = None
    memory_bytes: int = Field(default=1536 * 1024**2, ge=128 * 1024**2)
    cpu_seconds: float = Field(default=900.0, gt=0)
    wall_seconds: float = Field(default=900.0, gt=0)
    threads: int = Field(default=1, ge=1)
    limits: ValidationLimits = ValidationLimits()


class ProposalSettings(BaseModel):
    """What a contract may be drafted from, and how many drafts are made at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=64 * 1024**2, gt=0)
    concurrency: int = Field(default=1, ge=1, le=32)


class JobSettings(BaseModel):
    """How submissions are worked off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(default=1, ge=1, le=32)
    max_attempts: int = Field(default=8, ge=1)
    heartbeat_seconds: float = Field(default=3.0, gt=0)
    stalled_seconds: float = Field(default=12.0, gt=0)
    housekeeping_seconds: float = Field(default=5.0, gt=0)


class SourceHost(BaseModel):
    """A place that sources may be read from, and the secrets that may be shown to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1, description="as a source's declaration writes it: a name or an address")
    port: int = Field(ge=1, le=65535)
    secrets: tuple[str, ...] = ()


class TopicSettings(BaseModel):
    """How topics are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(
        default=4,
        ge=1,
        le=64,
        description="topics that one replica reads at once; at most half of lake.postgres.pool_max",
    )
    catalog_seconds: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="at most so often the catalog is told of a topic's newest commit",
    )


class SourceSettings(BaseModel):
    """What sources may be read, and how much of one at once. No host that is not listed is spoken to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: tuple[SourceHost, ...] = ()
    secrets: dict[str, SecretStr] = {}
    secrets_dir: Path | None = Field(
        default=None, description="a folder with one file per secret, named after it"
    )
    ca_file: Path | None = Field(
        default=None,
        description="authorities that sign the certificates of the databases (PEM); the system's unless given",
    )
    max_chunk_bytes: int = Field(default=2 * 1024**3, gt=0)
    wall_seconds: float = Field(default=4 * 3600.0, gt=0)
    connect_seconds: int = Field(default=10, ge=1, le=120)
    silence_seconds: float = Field(
        default=120.0,
        gt=0,
        description="without a word from the source beyond a statement's time, its connection is given up",
    )
    settle_seconds: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="how long a run waits for open transactions of the source before it reads their span again next time",
    )
    concurrency: int = Field(default=1, ge=1, le=16)
    topics: TopicSettings = TopicSettings()


class IngestSettings(ServiceSettings):
    """Everything the service can be told."""

    listen: ListenSettings
    auth: AuthSettings
    identity: IdentitySettings
    postgres: PostgresSettings
    lake: LakeSettings
    catalog: PeerSettings
    telemetry: TelemetrySettings = TelemetrySettings()
    uploads: UploadSettings = UploadSettings()
    validation: ValidationSettings = ValidationSettings()
    jobs: JobSettings = JobSettings()
    queue_metrics: MeasurementSettings = MeasurementSettings()
    proposals: ProposalSettings = ProposalSettings()
    sources: SourceSettings = SourceSettings()
