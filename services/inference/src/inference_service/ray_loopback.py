"""Keeps a Ray head and Ray Serve on the loopback address. Ray loads both hooks by name, from its environment.

Ray has no setting for the address of Serve's gRPC servers, and replaces 127.0.0.1 by the machine's outside address.
"""

from typing import Any

__all__ = ["middlewares", "only_loopback"]

LOOPBACK = "127.0.0.1"


def only_loopback(params: Any, head: bool) -> None:
    """`RAY_START_HOOK`: the node's address is the loopback one, and there is no Ray Client server."""
    del head
    params.node_ip_address = LOOPBACK
    params.ray_client_server_port = None


def middlewares() -> list[Any]:
    """`RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`: called in proxies and replicas before their gRPC servers start."""
    from ray.serve._private import default_impl, replica  # noqa: PLC0415 (only inside Ray's own processes)

    def add_grpc_address(server: Any, address: str) -> None:
        server.add_insecure_port(f"{LOOPBACK}:{address.rpartition(':')[2]}")

    default_impl.add_grpc_address = add_grpc_address
    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(
        server, f"{LOOPBACK}:{address.rpartition(':')[2]}"
    )
    return []
