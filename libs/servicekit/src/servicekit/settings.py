"""One settings model per service, read from a YAML file and overridden by the environment."""

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as _SourceError

__all__ = [
    "AuthSettings",
    "IdentitySettings",
    "ListenSettings",
    "MeasurementSettings",
    "PeerSettings",
    "PostgresSettings",
    "ServiceSettings",
    "SettingsError",
    "TelemetrySettings",
    "load_settings",
]

CONFIG_VARIABLE = "LUMBUNG_CONFIG"
PREFIX = "LUMBUNG_"


class SettingsError(ValueError):
    """The settings are wrong: names each wrong key, where it was set, and what it may be."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListenSettings(_Section):
    """Where a service listens."""

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    metrics_port: int = Field(ge=1, le=65535, description="Prometheus endpoint, same host")
    max_message_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    max_concurrent_calls: int = Field(default=1000, ge=1)
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        le=15,
        description="how long a service that ends still takes calls, while its health sends callers elsewhere",
    )
    stop_grace_seconds: float = Field(default=10.0, ge=0)


class AuthSettings(_Section):
    """Whose tokens are accepted."""

    issuer: str
    jwks_url: str
    audience: str = "lumbung-api"
    authorized_parties: tuple[str, ...] = (
        "lumbung-portal",
        "lumbung-cli",
        "lumbung-demo",
        "span",
        "sakti",
        "svc-ingest",
        "svc-catalog",
        "svc-compute",
        "svc-inference",
    )
    leeway_seconds: float = Field(default=10.0, ge=0, le=60)


class IdentitySettings(_Section):
    """The service's own account for calling other services (client credentials)."""

    token_url: str
    client_id: str
    client_secret: SecretStr


class PostgresSettings(_Section):
    """One database."""

    host: str = "127.0.0.1"
    port: int = Field(default=5432, ge=1, le=65535)
    database: str
    user: str
    password: SecretStr
    pool_max: int = Field(default=8, ge=1, le=100)
    wait_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="how long a start waits for the server, the role and the database",
    )


class PeerSettings(_Section):
    """Another service."""

    target: str = Field(description="host:port")
    timeout_seconds: float = Field(default=10.0, gt=0)


class TelemetrySettings(_Section):
    """Where traces go and how much is told."""

    otlp_endpoint: str | None = Field(default=None, description="http://host:port of an OTLP gRPC receiver")
    sample_ratio: float = Field(
        default=0.05, ge=0, le=1, description="share of traces begun here; a caller's choice is followed"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class MeasurementSettings(_Section):
    """How often something is measured for Prometheus. Alerts take what is older than half an hour for stuck."""

    every_seconds: float = Field(default=15.0, ge=1, le=600)
    limit_seconds: float = Field(default=10.0, gt=0, le=600, description="after so long it is given up")


class _YamlFile(PydanticBaseSettingsSource):
    """The file that the environment variable LUMBUNG_CONFIG names."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = os.environ.get(CONFIG_VARIABLE)
        if not path:
            return {}
        try:
            loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsError(f"The file {path} ({CONFIG_VARIABLE}) cannot be read: {error}") from error
        if loaded is not None and not isinstance(loaded, dict):
            raise SettingsError(f"The file {path} ({CONFIG_VARIABLE}) holds no keys and values.")
        return dict(loaded or {})


class ServiceSettings(BaseSettings):
    """Base of every service's settings: frozen, and an unknown key is an error."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before environment before file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _YamlFile(settings_cls)


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load_settings(model: type[SettingsT]) -> SettingsT:
    """Reads the settings of a service.

    Raises:
        SettingsError: names each wrong key with its place and what it may be; never the value of a secret.
    """
    try:
        return model()
    except ValidationError as error:
        lines = [_complaint(entry["loc"], entry["msg"], entry["input"]) for entry in error.errors()]
        raise SettingsError(f"{model.__name__}: " + "; ".join(lines)) from None
    except _SourceError as error:
        raise SettingsError(f"{model.__name__}: {error} (is the variable valid JSON?)") from None


def _complaint(location: tuple[int | str, ...], message: str, value: Any) -> str:
    key = ".".join(str(part) for part in location)
    variable = PREFIX + "__".join(str(part) for part in location).upper()
    set_here = variable in {name.upper() for name in os.environ}
    place = variable if set_here else f"{os.environ.get(CONFIG_VARIABLE) or 'defaults'}, or set {variable}"
    secret = any(word in key.lower() for word in ("password", "secret", "token", "key"))
    shown = f" ({value!r})" if isinstance(value, str | int | float) and not secret else ""
    return f"{key}{shown}: {message} [{place}]"
