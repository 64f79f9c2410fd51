"""Settings of the compute service, and of the workers that run its tasks."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    "ComputeSettings",
    "DaskSettings",
    "LakeHealthSettings",
    "PipelineSettings",
    "QuerySettings",
    "RunClusterSettings",
    "WorkerSettings",
]

GIB = 2**30


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QuerySettings(_Section):
    """What queries may use. A query's process is killed at `memory_bytes`, `wall_seconds` or `cpu_seconds`."""

    max_rows: int = Field(default=1_000_000, ge=1)
    max_result_bytes: int = Field(default=GIB // 2, ge=2**20)
    memory_bytes: int = Field(default=3 * GIB // 2, ge=256 * 2**20)
    wall_seconds: float = Field(default=60.0, gt=0)
    cpu_seconds: float = Field(default=60.0, gt=0)
    temp_bytes: int = Field(default=2 * GIB, ge=0)
    temp_dir: Path | None = Field(
        default=None, description="where large sorts and joins spill; system default"
    )
    threads: int = Field(default=2, ge=1, le=64)
    warm: int = Field(default=1, ge=0, le=32, description="processes kept ready")
    concurrent: int = Field(default=4, ge=1, le=64, description="queries that run at once")
    waiting: int = Field(default=32, ge=0, description="queries that may wait for a place")
    wait_seconds: float = Field(default=20.0, gt=0)
    recycle_after: int = Field(default=50, ge=1, description="queries after which a process is replaced")


class RunClusterSettings(_Section):
    """A Dask cluster of pods for each run, made by the Dask operator in the service's own namespace."""

    manifest: Path = Field(description="YAML of the DaskCluster that each run's is made from")
    owner: str = Field(min_length=1, description="ConfigMap that owns the clusters: they go when it goes")
    workers: int = Field(default=2, ge=1, le=256, description="a run of fewer tasks has fewer")
    ready_seconds: float = Field(default=120.0, gt=0, description="until scheduler and one worker are ready")
    sweep_seconds: float = Field(
        default=30.0, gt=0, description="pause between searches for clusters of ended runs"
    )


class DaskSettings(_Section):
    """Where tasks run. With a certificate authority given, everything is TLS with client certificates."""

    mode: Literal["static", "per_run"] = Field(
        default="static",
        description="static: the standing cluster of `scheduler`; per_run: see `run_cluster`",
    )
    scheduler: str | None = Field(default=None, description="tls://host:port or tcp://host:port")
    run_cluster: RunClusterSettings | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    connect_seconds: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Self:
        needed = "scheduler" if self.mode == "static" else "run_cluster"
        if getattr(self, needed) is None:
            raise ValueError(f"mode {self.mode} needs {needed}")
        return self


class PipelineSettings(_Section):
    """How runs are worked off."""

    concurrent: int = Field(default=2, ge=1, le=32, description="runs at once in this process")
    rows_per_partition: int = Field(
        default=1_000_000, ge=1, description="where a task holds its rows in memory"
    )
    streamed_rows_per_partition: int = Field(
        default=2_000_000, ge=1, description="where it streams them through sums"
    )
    heartbeat_seconds: float = Field(default=2.0, gt=0)
    stalled_seconds: float = Field(
        default=8.0, gt=0, description="after so long without a sign a run is taken over"
    )
    attempts: int = Field(default=5, ge=1, le=20)
    retry_seconds: float = Field(default=2.0, gt=0, description="first pause between attempts; it doubles")
    max_run_seconds: float = Field(default=6 * 3600.0, gt=0)


class LakeHealthSettings(MeasurementSettings):
    """How the lake's tables are measured.

    Below 8 MiB the requests for a file take longer than its bytes: four of 20 ms against 100 MB/s.
    """

    every_seconds: float = Field(default=60.0, ge=1, le=600)
    limit_seconds: float = Field(default=60.0, gt=0, le=600, description="for all tables together")
    small_file_bytes: int = Field(default=8 * 2**20, ge=1)
    max_tables: int = Field(default=500, ge=1, le=10_000, description="tables beyond these are not measured")
    expected_hours: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Annotated[float, Field(gt=0)]
    ] = Field(
        default={},
        description="dataset: how old its newest snapshot may become before somebody is called",
    )


class ComputeSettings(ServiceSettings):
    """The compute service."""

    listen: ListenSettings
    auth: AuthSettings
    identity: IdentitySettings
    postgres: PostgresSettings
    telemetry: TelemetrySettings = TelemetrySettings()
    lake: LakeSettings
    catalog: PeerSettings
    dask: DaskSettings
    query: QuerySettings = QuerySettings()
    pipelines: PipelineSettings = PipelineSettings()
    queue_metrics: MeasurementSettings = MeasurementSettings()
    lake_health: LakeHealthSettings = LakeHealthSettings()


class WorkerSettings(ServiceSettings):
    """A Dask worker's own settings: it reads and writes tables and nothing else."""

    lake: LakeSettings
    telemetry: TelemetrySettings = TelemetrySettings()
