"""The five services in a table: what each needs, and what its settings hold beyond the usual sections."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localstack.layout import Layout
from localstack.parts.lakesettings import lake_settings
from localstack.practicesource import NAME, SECRET_FILE, source_settings
from localstack.settings import StackSettings
from localstack.source import has_module

GRPC_SERVICES = ("ingest", "catalog", "compute", "inference")
# Copies of data files that queries have read: a query over them takes a fifth less processor time.
_CACHE_BYTES = 2 * 2**30


def _no_more(settings: StackSettings) -> dict[str, Any]:
    del settings
    return {}


@dataclass(frozen=True)
class Service:
    """One service: which sections its settings have and which parts it needs.

    `secrets` maps environment variables to names in the vault; `more` gives sections of its own.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    lake: bool = False
    database: bool = True
    peers: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("servicekit", "lumbung")
    secrets: Mapping[str, str] = field(default_factory=dict)
    more: Callable[[StackSettings], dict[str, Any]] = _no_more

    @property
    def package(self) -> str:
        """Python package of the service."""
        return f"{self.name}_service"

    @property
    def speaks_grpc(self) -> bool:
        """Whether it serves gRPC and has an account of its own (the portal does not)."""
        return self.name in GRPC_SERVICES

    def installed(self) -> bool:
        """Whether the service can be run."""
        return has_module(self.package, "__main__")


def _folder(settings: StackSettings, name: str) -> str:
    folder = Layout(settings.data_dir).data / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def _ingest(settings: StackSettings) -> dict[str, Any]:
    return {
        "validation": {"work_dir": _folder(settings, "ingest")},
        "sources": source_settings(settings),
    }


def _compute(settings: StackSettings) -> dict[str, Any]:
    secrets = Layout(settings.data_dir).secrets
    return {
        "dask": {
            "scheduler": f"tls://{settings.ports.address('dask_scheduler')}",
            "ca": str(secrets / "dask-ca.pem"),
            "cert": str(secrets / "dask-cert.pem"),
            "key": str(secrets / "dask-key.pem"),
        },
        "query": {"temp_dir": _folder(settings, "compute")},
        "lake": {
            **lake_settings(settings),
            "cache_dir": _folder(settings, "compute-cache"),
            "cache_bytes": _CACHE_BYTES,
        },
    }


def _inference(settings: StackSettings) -> dict[str, Any]:
    secrets, ports = Layout(settings.data_dir).secrets, settings.ports
    return {
        "ray": {
            "address": ports.address("ray_gcs"),
            "token_path": str(secrets / "ray-token"),
            "replica_settings_path": str(secrets / "ray-replica.json"),
            "ingress": {"target": ports.address("serve_grpc")},
            "listen": {"grpc_port": ports["serve_grpc"], "http_port": ports["serve_http"]},
        }
    }


def _portal(settings: StackSettings) -> dict[str, Any]:
    ports = settings.ports
    web = {
        "gateway": f"{ports.url('envoy_admin')}/ready",
        "keycloak": f"{ports.url('keycloak')}/realms/lumbung/.well-known/openid-configuration",
        "dask": f"{ports.url('dask_scheduler_http')}/health",
        "telemetry": f"{ports.url('telemetry_http')}/healthz",
    }
    sockets = {"postgres": "postgres", "s3": "s3", "ray": "ray_gcs"}
    return {
        "public_url": ports.url("gateway"),
        "parts": [
            *({"name": name, "kind": "grpc", "address": ports.address(name)} for name in GRPC_SERVICES),
            *({"name": name, "kind": "http", "address": url} for name, url in web.items()),
            *(
                {"name": name, "kind": "tcp", "address": ports.address(port)}
                for name, port in sockets.items()
            ),
        ],
    }


_WITH_LAKE = ("servicekit", "lake", "lumbung")
_LAKE_NEEDS = ("postgres", "s3", "telemetry")

SERVICES = (
    Service(
        "catalog",
        "Catalog service",
        needs=("postgres", "telemetry"),
        secrets={"LUMBUNG_AUDIT__CHECKPOINT_KEY": "audit-checkpoint"},
    ),
    Service(
        "ingest",
        "Ingest service",
        needs=_LAKE_NEEDS,
        lake=True,
        peers=("catalog",),
        libraries=_WITH_LAKE,
        secrets={f"LUMBUNG_SOURCES__SECRETS__{NAME.upper()}": SECRET_FILE},
        more=_ingest,
    ),
    Service(
        "compute",
        "Compute service",
        needs=(*_LAKE_NEEDS, "dask-scheduler"),
        lake=True,
        peers=("catalog",),
        libraries=_WITH_LAKE,
        more=_compute,
    ),
    Service(
        "inference",
        "Inference service",
        needs=(*_LAKE_NEEDS, "ray"),
        lake=True,
        peers=("catalog",),
        libraries=_WITH_LAKE,
        more=_inference,
    ),
    Service(
        "portal",
        "Portal",
        database=False,
        secrets={"LUMBUNG_SESSION__SECRET": "portal-session"},
        more=_portal,
    ),
)
