"""`stack.json`: what clients, tests and benchmarks need to know of a running stack; its keys are in the README."""

import json

from localstack.lakebucket import ACCESS_KEY, BUCKET, REGION
from localstack.layout import Layout, write_private
from localstack.settings import StackSettings
from platformsetup import kafkaserver


def describe_stack(settings: StackSettings) -> dict[str, object]:
    """Addresses, ports and files of the stack; no secret is in it, only the files that hold them."""
    layout = Layout(settings.data_dir)
    ports = settings.ports
    secrets = layout.secrets
    return {
        "version": 1,
        "data_dir": str(layout.root),
        "base_port": settings.base_port,
        "ports": ports.as_dict(),
        "gateway_url": ports.url("gateway"),
        "gateway_target": ports.address("gateway"),
        "envoy_admin_url": ports.url("envoy_admin"),
        "issuer": f"{ports.url('keycloak')}/realms/lumbung",
        "token_url": f"{ports.url('keycloak')}/realms/lumbung/protocol/openid-connect/token",
        "portal_url": ports.url("portal"),
        "postgres": {"host": "127.0.0.1", "port": ports["postgres"], "superuser": "postgres"},
        "s3": {
            "endpoint": ports.address("s3"),
            "secure": False,
            "region": REGION,
            "bucket": BUCKET,
            "access_key": ACCESS_KEY,
        },
        "dask": {
            "scheduler": f"tls://{ports.address('dask_scheduler')}",
            "ca_file": str(secrets / "dask-ca.pem"),
            "cert_file": str(secrets / "dask-cert.pem"),
            "key_file": str(secrets / "dask-key.pem"),
        },
        "ray": {"address": ports.address("ray_gcs"), "token_file": str(secrets / "ray-token")},
        "kafka": {"bootstrap": ports.address("kafka"), "account": kafkaserver.ACCOUNT},
        "telemetry": {"otlp_endpoint": ports.url("telemetry"), "traces_url": ports.url("telemetry_http")},
        "services": {
            name: ports.address(name) for name in ("ingest", "catalog", "compute", "inference", "portal")
        },
        "metrics": {
            name: f"{ports.url(f'{name}_metrics')}/metrics"
            for name in ("ingest", "catalog", "compute", "inference", "portal")
        },
        "files": {
            "accounts": str(secrets / "accounts.json"),
            "clients": str(secrets / "clients.json"),
            "databases": str(secrets / "databases.json"),
            "postgres_superuser_password": str(secrets / "postgres-superuser"),
            "s3_secret_key": str(secrets / "s3-secret-key"),
            "telemetry_token": str(secrets / "telemetry-token"),
            "ray_token": str(secrets / "ray-token"),
            "kafka_password": str(secrets / "kafka-password"),
            "practice_source_password": str(secrets / "practice-source"),
        },
    }


def write_stack_file(settings: StackSettings) -> None:
    """Write `stack.json` into the data folder."""
    layout = Layout(settings.data_dir)
    write_private(layout.stack_file, json.dumps(describe_stack(settings), indent=1) + "\n")


def client_environment(settings: StackSettings) -> dict[str, str]:
    """Environment variables for a client of this stack."""
    layout = Layout(settings.data_dir)
    return {
        "LUMBUNG_BASE_PORT": str(settings.base_port),
        "LUMBUNG_DATA_DIR": str(settings.data_dir),
        "LUMBUNG_GATEWAY_URL": settings.ports.url("gateway"),
        "LUMBUNG_ISSUER": f"{settings.ports.url('keycloak')}/realms/lumbung",
        "LUMBUNG_STACK_FILE": str(layout.stack_file),
    }
