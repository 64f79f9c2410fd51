from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.settings import PostgresSettings


class S3Settings(BaseModel):
    """One bucket of any S3 service that passes the start-up self-test; `endpoint` is `host:port`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = Field(pattern=r"^[A-Za-z0-9_.-]+:\d{1,5}$")
    secure: bool = False
    region: str = "us-east-1"
    access_key: str
    secret_key: SecretStr
    bucket: str = Field(default="lumbung-lake", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    wait_seconds: float = Field(
        default=0.0, ge=0, le=3600, description="how long a start waits for the service and the account"
    )

    @property
    def url(self) -> str:
        """Endpoint with its scheme."""
        return f"{'https' if self.secure else 'http'}://{self.endpoint}"

    @property
    def root(self) -> str:
        """Address of the bucket, without a slash at the end."""
        return f"s3://{self.bucket}"

    def iceberg_properties(self) -> dict[str, str]:
        """FileIO properties; every credential is given, so nobody asks a cloud's metadata service."""
        return {
            "s3.endpoint": self.url,
            "s3.region": self.region,
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key.get_secret_value(),
            "s3.force-virtual-addressing": "false",
            "s3.connect-timeout": "5",
            "s3.request-timeout": "60",
        }


class LakeSettings(BaseModel):
    """Where the tables live.

    `lock_timeout_seconds` is how long a writer waits for another one; one that holds a lock and says nothing to PostgreSQL
    for `lock_idle_seconds`, because its process is frozen, loses it. `cache_dir` turns on the local cache of data
    files for SQL scans: plain copies, readable by this user only, `cache_bytes` together at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    postgres: PostgresSettings
    s3: S3Settings
    cache_dir: Path | None = None
    cache_bytes: int = Field(default=4 * 2**30, gt=0)
    lock_timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    lock_idle_seconds: float = Field(default=900.0, gt=0, le=86_400)
