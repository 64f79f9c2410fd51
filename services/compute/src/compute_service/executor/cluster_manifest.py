"""The DaskCluster of one run, from the one that the chart gives."""

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any

__all__ = ["EXPIRES", "RUN", "cluster_manifest", "scheduler_address"]

#: Label of everything that belongs to a run's cluster.
RUN = "lumbung/run"
#: Annotation: from then on (UTC, ISO 8601) the operator removes the cluster, whatever has become of the service.
EXPIRES = "lumbung/expires"
_PORT = 8786


def cluster_manifest(
    template: Mapping[str, Any],
    name: str,
    run: str,
    *,
    workers: int,
    owner: Mapping[str, str],
    expires: datetime,
) -> dict[str, Any]:
    """A cluster `name` for a run. The template has pods, labels and ports; KeyError when a part of it is missing."""
    manifest: dict[str, Any] = copy.deepcopy(dict(template))
    metadata = manifest.setdefault("metadata", {})
    metadata["name"] = name
    metadata["ownerReferences"] = [dict(owner)]
    metadata.setdefault("annotations", {})[EXPIRES] = expires.isoformat(timespec="seconds")
    scheduler, worker = manifest["spec"]["scheduler"], manifest["spec"]["worker"]
    for labelled in (metadata, scheduler.setdefault("metadata", {}), worker.setdefault("metadata", {})):
        labelled.setdefault("labels", {})[RUN] = run
    scheduler["service"]["selector"] = {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
    worker["replicas"] = workers
    # The operator's own would be tcp.
    address = {"name": "DASK_SCHEDULER_ADDRESS", "value": scheduler_address(name)}
    for container in worker["spec"]["containers"]:
        container["env"] = [address, *container.get("env", [])]
    return manifest


def scheduler_address(name: str) -> str:
    """Where the scheduler of cluster `name` answers, for callers in its namespace."""
    return f"tls://{name}-scheduler:{_PORT}"
