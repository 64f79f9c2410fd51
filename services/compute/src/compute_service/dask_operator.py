"""`python -m compute_service.dask_operator`: the dask-kubernetes operator for the clusters of runs, in one namespace.

It is the operator of the dask-kubernetes package with the handlers that clusters of a fixed size need, in a registry of its own:
- without its timers kopf puts no finalizers on clusters, so they go although the operator is away (an uninstall);
- without its watch on services the phase does not change from Running back to Pending;
- worker groups are owned by their cluster from the start: one that is removed while it is being made leaves nothing;
- resources are looked up once: no rights outside of the namespace are needed;
- a cluster whose time is over (annotation `lumbung/expires`) is removed, whatever has become of who asked for it.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import kopf
import kr8s
from dask_kubernetes.operator._objects import DaskCluster
from dask_kubernetes.operator.controller import controller as upstream

from compute_service.clients.kubernetes import pod_namespace
from compute_service.executor.cluster_manifest import EXPIRES
from servicekit.telemetry import setup_logging

__all__ = ["main"]

_SWEEP_SECONDS = 60
_RETRY_SECONDS = 2
_log = logging.getLogger(__name__)
_registry = kopf.OperatorRegistry()
_background: set[asyncio.Task[None]] = set()
_worker_group_spec = upstream.build_default_worker_group_spec


def _owned_worker_group_spec(*words: Any) -> dict[str, Any]:
    """The worker group of the cluster that is being handled, owned by it."""
    group: dict[str, Any] = _worker_group_spec(*words)
    kopf.adopt(group)
    return group


upstream.build_default_worker_group_spec = _owned_worker_group_spec
kopf.on.login(registry=_registry)(kopf.login_with_service_account)
kopf.on.create("daskworkergroups.kubernetes.dask.org", registry=_registry, backoff=_RETRY_SECONDS)(
    upstream.daskworkergroup_create
)


@kopf.on.startup(registry=_registry)
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Namespaced, without events; PermanentError ends the operator when the definitions are missing."""
    await upstream.startup(settings=settings)
    settings.scanning.disabled = True
    settings.posting.enabled = False
    try:
        await _sweep(pod_namespace())
    except kr8s.ServerError as error:
        raise kopf.PermanentError(
            f"DaskClusters cannot be listed ({error}): apply the definitions in the chart's folder crds"
        ) from error
    task = asyncio.create_task(_sweeps())
    _background.add(task)


@kopf.on.create("daskclusters.kubernetes.dask.org", registry=_registry, backoff=_RETRY_SECONDS)
async def create_cluster(patch: kopf.Patch, **words: Any) -> None:
    """Makes scheduler, service and worker group; what is there already stays."""
    await upstream.daskcluster_create(patch=patch, **words)
    await upstream.daskcluster_create_components(patch=patch, **words)
    patch.status["phase"] = "Running"


async def _sweeps() -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            await _sweep(pod_namespace())
        except Exception as error:  # noqa: BLE001 - the API server may be away; look again later
            _log.warning("clusters whose time is over cannot be looked up: %s", error)


async def _sweep(namespace: str) -> None:
    """Removes clusters whose time is over."""
    async for cluster in DaskCluster.list(namespace=namespace):
        expires = cluster.annotations.get(EXPIRES)
        if expires and datetime.fromisoformat(expires) < datetime.now(UTC):
            _log.warning("the time of cluster %s is over", cluster.name)
            await cluster.delete(propagation_policy="Background")


def _without_settings(record: logging.LogRecord) -> bool:
    record.__dict__.pop("settings", None)
    return True


def main() -> None:
    """Runs the operator in the namespace of its pod until it is told to stop."""
    setup_logging("dask-operator", "INFO")
    # A line for every probe otherwise, and kopf's whole settings in each of its own.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_without_settings)
    kopf.run(
        registry=_registry,
        standalone=True,
        namespaces=[pod_namespace()],
        liveness_endpoint="http://0.0.0.0:8080/healthz",
    )


if __name__ == "__main__":
    main()
