"""The port plan: fixed offsets from one base port, all on 127.0.0.1."""

from dataclasses import dataclass

HOST = "127.0.0.1"

_OFFSETS = {
    "gateway": 0,
    "envoy_admin": 1,
    "keycloak": 2,
    "keycloak_management": 3,
    "postgres": 4,
    "s3": 5,
    "s3_grpc": 6,
    "seaweed_master": 7,
    "seaweed_master_grpc": 8,
    "seaweed_filer": 9,
    "seaweed_filer_grpc": 10,
    "seaweed_volume": 11,
    "seaweed_volume_grpc": 12,
    "seaweed_metrics": 13,
    "dask_scheduler": 20,
    "dask_worker_1": 21,
    "dask_worker_2": 22,
    "dask_scheduler_http": 23,
    "dask_worker_1_http": 24,
    "dask_worker_2_http": 25,
    "ray_gcs": 30,
    "ray_node_manager": 31,
    "ray_object_manager": 32,
    "ray_agent_http": 33,
    "ray_agent_grpc": 34,
    "ray_runtime_env": 35,
    "ray_own_metrics": 36,
    "ray_dashboard": 37,
    "ray_metrics": 38,
    "kafka": 40,
    "kafka_controller": 41,
    "kafka_internal": 42,
    "serve_grpc": 50,
    "serve_http": 52,
    "telemetry": 60,
    "telemetry_http": 61,
    "ingest": 70,
    "catalog": 71,
    "compute": 72,
    "inference": 73,
    "portal": 74,
    "ingest_metrics": 80,
    "catalog_metrics": 81,
    "compute_metrics": 82,
    "inference_metrics": 83,
    "portal_metrics": 84,
    "ray_worker_first": 100,
    "ray_worker_last": 199,
}


@dataclass(frozen=True)
class Ports:
    """Ports by name, e.g. `ports["postgres"]`."""

    base: int

    def __getitem__(self, name: str) -> int:
        return self.base + _OFFSETS[name]

    def as_dict(self) -> dict[str, int]:
        """Every port by its name."""
        return {name: self.base + offset for name, offset in _OFFSETS.items()}

    def address(self, name: str) -> str:
        """Loopback `host:port` of a named port."""
        return f"{HOST}:{self[name]}"

    def url(self, name: str) -> str:
        """Loopback HTTP URL of a named port, without a trailing slash."""
        return f"http://{HOST}:{self[name]}"
