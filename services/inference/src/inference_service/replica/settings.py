"""What a replica needs to know. The service writes it to a file that only its own user can read."""

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lake import S3Settings
from servicekit.settings import AuthSettings, IdentitySettings, PeerSettings, TelemetrySettings

__all__ = [
    "ListenSettings",
    "ReplicaLimits",
    "ReplicaSettings",
    "ReportSettings",
    "load_replica_settings",
    "replica_document",
    "write_replica_settings",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListenSettings(_Section):
    """Where replicas answer: all on the same two ports (`ports` = 0), or each on its own ones of two ranges."""

    host: str = "127.0.0.1"
    grpc_port: int = Field(default=18050, ge=1, le=65535, description="or the first of its range")
    http_port: int = Field(default=18052, ge=1, le=65535, description="or the first of its range")
    ports: int = Field(
        default=0, ge=0, le=100, description="length of each range; 0: one port that is shared"
    )


class ReportSettings(_Section):
    """Whom replicas tell where they answer, when they are on several nodes.

    A replica whose node ends says so and goes on answering; one that Serve ends says so `leave_seconds` before it takes
    no more calls.
    """

    service: PeerSettings
    every_seconds: float = Field(default=1.0, ge=0.1, le=60)
    leave_seconds: float = Field(default=4.0, ge=0, le=60)


class ReplicaLimits(_Section):
    """What a replica takes before it refuses. Sizes in bytes, times in seconds."""

    max_tensor_bytes: int = Field(default=32 * 2**20, gt=0, le=256 * 2**20)
    max_message_bytes: int = Field(default=64 * 2**20, gt=0, le=512 * 2**20)
    max_concurrent_calls: int = Field(default=256, ge=1, le=10_000)
    max_run_seconds: float = Field(default=10.0, gt=0, le=300)
    max_call_seconds: float = Field(default=30.0, gt=0, le=600)
    max_memory_bytes: int = Field(default=4 * 2**30, ge=2**30)


class ReplicaSettings(_Section):
    """Sign-in, where to answer, where models lie, where audit records go, and limits.

    `ray_on_loopback`: what Ray itself opens in the replica is for this machine only, whatever `listen` says.
    """

    auth: AuthSettings
    listen: ListenSettings = ListenSettings()
    report: ReportSettings | None = None
    ray_on_loopback: bool = True
    s3: S3Settings
    telemetry: TelemetrySettings = TelemetrySettings()
    catalog: PeerSettings | None = None
    identity: IdentitySettings | None = None
    limits: ReplicaLimits = ReplicaLimits()


def load_replica_settings(path: Path) -> ReplicaSettings:
    """Reads the file that the service wrote."""
    return ReplicaSettings.model_validate_json(path.read_bytes())


def replica_document(settings: ReplicaSettings) -> str:
    """The settings as JSON with the secrets in plain text: only for a file of mode 0600."""
    document = settings.model_dump(mode="json")
    document["s3"]["secret_key"] = settings.s3.secret_key.get_secret_value()
    if settings.identity is not None:
        document["identity"]["client_secret"] = settings.identity.client_secret.get_secret_value()
    return json.dumps(document, indent=1)


def write_replica_settings(path: Path, document: str) -> None:
    """Puts the document where replicas read it, readable by this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(document)
    fresh.replace(path)
