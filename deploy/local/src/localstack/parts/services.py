"""The five services: their settings files, their secrets by environment, their health."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from localstack.environment import base_environment
from localstack.grpchealth import expect_serving
from localstack.layout import Layout, write_private
from localstack.part import Launch, Part
from localstack.parts.dask import dask_environment
from localstack.parts.lakesettings import lake_secrets, lake_settings, postgres_settings
from localstack.parts.ray import ray_environment
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.source import source_stamp
from localstack.vault import Vault
from localstack.web import expect_ok


def _no_more(settings: StackSettings) -> dict[str, Any]:
    del settings
    return {}


def _compute_settings(settings: StackSettings) -> dict[str, Any]:
    layout = Layout(settings.data_dir)
    temporary = layout.data / "compute"
    temporary.mkdir(mode=0o700, exist_ok=True)
    return {
        "dask": {
            "scheduler": f"tls://{settings.ports.address('dask_scheduler')}",
            "ca": str(layout.secrets / "dask-ca.pem"),
            "cert": str(layout.secrets / "dask-cert.pem"),
            "key": str(layout.secrets / "dask-key.pem"),
        },
        "query": {"temp_dir": str(temporary)},
    }


@dataclass(frozen=True)
class Service:
    """One service: which sections its settings have and which parts it needs."""

    name: str
    title: str
    lake: bool = False
    database: bool = True
    peers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("postgres", "s3", "telemetry")
    dask: bool = False
    ray: bool = False
    libraries: tuple[str, ...] = ("servicekit", "lumbung")
    extra: Callable[[StackSettings], dict[str, Any]] = _no_more

    @property
    def package(self) -> str:
        """Python package of the service."""
        return f"{self.name}_service"

    def installed(self) -> bool:
        """Whether the service can be run already."""
        return (
            importlib.util.find_spec(self.package) is not None
            and importlib.util.find_spec(f"{self.package}.__main__") is not None
        )


SERVICES = (
    Service("catalog", "Catalog service", libraries=("servicekit", "lumbung")),
    Service(
        "ingest", "Ingest service", lake=True, peers=("catalog",), libraries=("servicekit", "lake", "lumbung")
    ),
    Service(
        "compute",
        "Compute service",
        lake=True,
        peers=("catalog",),
        dask=True,
        extra=_compute_settings,
        libraries=("servicekit", "lake", "lumbung"),
    ),
    Service(
        "inference",
        "Inference service",
        lake=True,
        peers=("catalog",),
        ray=True,
        libraries=("servicekit", "lake", "lumbung"),
    ),
    Service("portal", "Portal", database=False, libraries=("servicekit", "lumbung")),
)


def service_parts(settings: StackSettings) -> tuple[Part, ...]:
    """Every service as a part; one that cannot be run yet is marked as not installed."""
    return tuple(_part(service, settings) for service in SERVICES)


def _part(service: Service, settings: StackSettings) -> Part:
    ports = settings.ports

    def probe() -> None:
        if service.name == "portal":
            expect_ok(f"{ports.url('portal')}/healthz")
        else:
            expect_serving(ports.address(service.name))

    needs = service.needs + (("dask-scheduler",) if service.dask else ()) + (("ray",) if service.ray else ())
    return Part(
        name=service.name,
        title=service.title,
        launch=lambda: launch_service(service, settings),
        probe=probe,
        needs=needs,
        ports=(ports[service.name], ports[f"{service.name}_metrics"]),
        start_seconds=120.0,
        stop_seconds=15.0,
        metrics_url=f"{ports.url(f'{service.name}_metrics')}/metrics",
        installed=service.installed(),
        urls={"portal": ports.url("portal")} if service.name == "portal" else {},
    )


def launch_service(service: Service, settings: StackSettings) -> Launch:
    """Write the settings file and say how to run the service."""
    layout = Layout(settings.data_dir)
    path = layout.config / f"{service.name}.yaml"
    write_private(path, yaml.safe_dump(service_settings(service, settings), sort_keys=False))
    env = base_environment(layout) | service_secrets(service, settings)
    env["LUMBUNG_CONFIG"] = str(path)
    env["POLARS_MAX_THREADS"] = "2"
    if service.dask:
        env |= dask_environment(settings)
    if service.ray:
        env |= ray_environment(settings)
    stamp = source_stamp(service.package, *service.libraries)
    return Launch((sys.executable, "-m", service.package), env, layout.root, files=(path,), stamp=stamp)


def service_settings(service: Service, settings: StackSettings) -> dict[str, Any]:
    """Content of the settings file; it holds no secret."""
    ports = settings.ports
    realm = f"{ports.url('keycloak')}/realms/lumbung"
    document: dict[str, Any] = {
        "listen": {
            "host": HOST,
            "port": ports[service.name],
            "metrics_port": ports[f"{service.name}_metrics"],
        },
        "auth": {"issuer": realm, "jwks_url": f"{realm}/protocol/openid-connect/certs"},
        "telemetry": {"otlp_endpoint": ports.url("telemetry")},
    }
    if service.name != "portal":
        document["identity"] = {
            "token_url": f"{realm}/protocol/openid-connect/token",
            "client_id": f"svc-{service.name}",
        }
    if service.database:
        document["postgres"] = postgres_settings(f"lumbung_{service.name}", settings)
    if service.lake:
        document["lake"] = lake_settings(settings)
    for peer in service.peers:
        document[peer] = {"target": ports.address(peer)}
    return document | service.extra(settings)


def service_secrets(service: Service, settings: StackSettings) -> dict[str, str]:
    """Environment variables with the secrets of the settings model."""
    vault = Vault(Layout(settings.data_dir).secrets)
    env: dict[str, str] = {}
    if service.name != "portal":
        env["LUMBUNG_IDENTITY__CLIENT_SECRET"] = vault.table("clients")[f"svc-{service.name}"]
    if service.database:
        env["LUMBUNG_POSTGRES__PASSWORD"] = vault.table("databases")[f"lumbung_{service.name}"]
    if service.lake:
        env |= lake_secrets(settings)
    return env
