"""What Ray opens less of: a head and Ray Serve on the loopback address, and no Ray Client server.

Ray has no setting for the address of a replica's internal gRPC server, and replaces 127.0.0.1 by the machine's outside
address.
"""

from typing import Any

__all__ = ["keep_replica_on_loopback", "only_loopback", "without_client_server"]

LOOPBACK = "127.0.0.1"


def only_loopback(params: Any, head: bool) -> None:
    """`RAY_START_HOOK`: the node's address is the loopback one, and there is no Ray Client server."""
    del head
    params.node_ip_address = LOOPBACK
    params.ray_client_server_port = None


def without_client_server(params: Any, head: bool) -> None:
    """`RAY_START_HOOK` of nodes that others reach: there is no Ray Client server."""
    del head
    params.ray_client_server_port = None


def keep_replica_on_loopback() -> None:
    """Called in a replica before Serve starts the server over which replicas would call each other."""
    from ray.serve._private import replica  # noqa: PLC0415 (only inside Ray's own processes)

    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(
        server, f"{LOOPBACK}:{address.rpartition(':')[2]}"
    )
