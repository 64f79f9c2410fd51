"""Called by `ray start` (RAY_START_HOOK) before anything runs: keeps the head on loopback.

`--node-ip-address=127.0.0.1` alone is replaced by the machine's outer address, and what Ray starts then listens on
every interface. The Ray client server (fixed port 10001) and the autoscaler's monitor have no use here.
"""

from typing import Any

from localstack.ports import HOST


def keep_to_loopback(ray_params: Any, head: bool) -> None:
    """Change Ray's start parameters in place; only a head is ever started."""
    if not head:
        raise ValueError("this stack starts one head and no further node")
    ray_params.node_ip_address = HOST
    ray_params.node_name = HOST
    ray_params.ray_client_server_port = None
    ray_params.no_monitor = True
