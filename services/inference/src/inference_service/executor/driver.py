"""The process that speaks with Ray: `python -m inference_service.executor.driver < ORDER` prints one JSON document.

A process of its own and for one order: Ray's client library cannot reconnect after a restart of the head, and a
resident driver would keep 150 MB. What it deploys stays when it ends.
"""

import json
import sys
from typing import Any

import ray
from ray import serve
from ray.serve.api import RunTarget
from ray.serve.config import ProxyLocation
from ray.serve.schema import LoggingConfig

__all__ = ["apply_order", "main"]

APPLICATION = "inference"


def apply_order(order: dict[str, Any]) -> dict[str, Any]:
    """Starts Serve unless it runs, and deploys the application with the models of the order."""
    from inference_service.replica.deployment import application  # noqa: PLC0415 (after ray)

    ray.init(address=order["address"], namespace="serve", log_to_driver=False, logging_level="WARNING")
    quiet = LoggingConfig(enable_access_log=False, log_level="WARNING")
    # No proxies of Serve's: replicas have servers of their own.
    serve.start(proxy_location=ProxyLocation.Disabled, logging_config=quiet)
    if order["per_node"]:
        # A node that is lost to the name service but not yet to Ray keeps its place: else Serve might end another's replica.
        order["replicas"] = max(1, sum(node["Alive"] for node in ray.nodes()))
    app = application(order["settings_path"], order)
    target = RunTarget(app, name=APPLICATION, route_prefix=None, logging_config=quiet)
    # Not waited for here: the service asks the replica itself, and knows better than Serve when it answers.
    serve.run_many([target], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)
    status = serve.status().applications[APPLICATION]
    return {"status": str(status.status.value), "message": status.message, "replicas": order["replicas"]}


def main() -> int:
    """Takes one order from standard input."""
    order = json.loads(sys.stdin.read())
    answer = apply_order(order)
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
