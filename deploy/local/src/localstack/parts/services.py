"""The five services as parts: their settings files, their secrets by environment, their health."""

import sys
from typing import Any

import yaml

from localstack.environment import base_environment
from localstack.grpchealth import expect_serving
from localstack.layout import Layout, write_private
from localstack.part import Launch, Part
from localstack.parts.lakesettings import lake_secrets, lake_settings, postgres_settings
from localstack.parts.servicetable import SERVICES, Service
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.source import source_stamp
from localstack.vault import Vault
from localstack.web import expect_ok


def service_parts(settings: StackSettings) -> tuple[Part, ...]:
    """Every service as a part; one that cannot be run is marked as not installed."""
    return tuple(_part(service, settings) for service in SERVICES)


def launch_service(service: Service, settings: StackSettings) -> Launch:
    """Write the settings file and say how to run the service."""
    layout = Layout(settings.data_dir)
    path = layout.config / f"{service.name}.yaml"
    write_private(path, yaml.safe_dump(service_settings(service, settings), sort_keys=False))
    env = base_environment(layout) | service_secrets(service, settings)
    env |= {"LUMBUNG_CONFIG": str(path), "POLARS_MAX_THREADS": "2"}
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
    if service.speaks_grpc:
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
    return {**document, **service.more(settings)}


def service_secrets(service: Service, settings: StackSettings) -> dict[str, str]:
    """Environment variables with the secrets of the settings model."""
    vault = Vault(Layout(settings.data_dir).secrets)
    env = {variable: vault.read(name) for variable, name in service.secrets.items()}
    if service.speaks_grpc:
        env["LUMBUNG_IDENTITY__CLIENT_SECRET"] = vault.table("clients")[f"svc-{service.name}"]
    if service.database:
        env["LUMBUNG_POSTGRES__PASSWORD"] = vault.table("databases")[f"lumbung_{service.name}"]
    if service.lake:
        env |= lake_secrets(settings)
    return env


def _part(service: Service, settings: StackSettings) -> Part:
    ports = settings.ports

    def probe() -> None:
        if service.speaks_grpc:
            expect_serving(ports.address(service.name))
        else:
            expect_ok(f"{ports.url(service.name)}/healthz")

    return Part(
        name=service.name,
        title=service.title,
        launch=lambda: launch_service(service, settings),
        probe=probe,
        needs=service.needs,
        ports=(ports[service.name], ports[f"{service.name}_metrics"]),
        metrics_url=f"{ports.url(f'{service.name}_metrics')}/metrics",
        installed=service.installed(),
        urls={} if service.speaks_grpc else {service.name: f"{ports.url('gateway')}/"},
    )
