"""A Dask cluster of pods per run: asked for as a custom resource, waited for, removed."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from compute_service.errors import ClusterNotReadyError, ClusterSetupError
from compute_service.executor.cluster_manifest import RUN, cluster_manifest, scheduler_address
from compute_service.executor.cluster_state import Trouble, find_trouble, is_ready
from compute_service.ports.kubernetes import Kubernetes, KubernetesError
from compute_service.ports.outside import RunClusters
from compute_service.settings import RunClusterSettings
from servicekit.errors import Text

__all__ = ["KubernetesRunClusters"]

_POLL_SECONDS = 0.5
#: Answers that stay the same until somebody changes the installation.
_SETUP = frozenset({400, 403, 404, 422})


class KubernetesRunClusters(RunClusters):
    """Clusters of the runs of this installation: those with the labels of the manifest.

    `lifetime` is how long a cluster may be there at most: the operator ends it then.
    """

    def __init__(self, settings: RunClusterSettings, kubernetes: Kubernetes, lifetime: timedelta) -> None:
        self._settings, self._kubernetes, self._lifetime = settings, kubernetes, lifetime

    async def create(self, run: str, tasks: int) -> str:
        """Makes a cluster for so many tasks and gives its scheduler's address when it is ready.

        Raises:
            ClusterNotReadyError: not within `ready_seconds`, or Kubernetes is away; the text says why.
            ClusterSetupError: Kubernetes refuses the cluster itself.
        """
        await self.remove(run)
        template = self._template()
        name = f"run-{run}-{secrets.token_hex(2)}"
        try:
            manifest = cluster_manifest(
                template,
                name,
                run,
                workers=min(self._settings.workers, tasks),
                owner=await self._kubernetes.owner(self._settings.owner),
                expires=datetime.now(UTC) + self._lifetime,
            )
            await self._kubernetes.create_cluster(manifest)
            await self._wait(name)
        except KubernetesError as error:
            raise _refused(error) from error
        return scheduler_address(name)

    @override
    async def remove(self, run: str) -> None:
        try:
            for cluster in await self._kubernetes.list_clusters({**self._labels(), RUN: run}):
                await self._kubernetes.delete_cluster(cluster["metadata"]["name"])
        except KubernetesError as error:
            raise _refused(error) from error

    @override
    async def list_runs(self) -> set[str]:
        try:
            found = await self._kubernetes.list_clusters(self._labels())
        except KubernetesError as error:
            raise _refused(error) from error
        return {cluster["metadata"]["labels"].get(RUN, "") for cluster in found} - {""}

    async def _wait(self, name: str) -> None:
        labels = {"dask.org/cluster-name": name}
        started = time.monotonic()
        while not is_ready(pods := await self._kubernetes.list_pods(labels)):
            passed = time.monotonic() - started
            deployments = await self._kubernetes.list_deployments(labels)
            trouble = find_trouble(pods, deployments, passed)
            if passed > self._settings.ready_seconds or (trouble and trouble.hopeless):
                raise _not_ready(passed, trouble)
            await asyncio.sleep(_POLL_SECONDS)

    def _template(self) -> dict[str, Any]:
        """Read at each run: a change of the chart is then in the next run."""
        found: dict[str, Any] = yaml.safe_load(Path(self._settings.manifest).read_text(encoding="utf-8"))
        return found

    def _labels(self) -> Mapping[str, str]:
        labels: dict[str, str] = self._template()["metadata"]["labels"]
        return labels


def _not_ready(seconds: float, trouble: Trouble | None) -> ClusterNotReadyError:
    en = trouble.text.en if trouble else "its pods are still starting"
    indonesian = trouble.text.id if trouble else "pod masih dimulai"
    return ClusterNotReadyError(
        Text(
            en=f"The run's Dask cluster is not ready after {seconds:.0f} s: {en}.",
            id=f"Klaster Dask untuk run ini belum siap setelah {seconds:.0f} detik: {indonesian}.",
        ),
        Text(en="Tell the platform team.", id="Hubungi tim platform."),
    )


def _refused(error: KubernetesError) -> ClusterNotReadyError | ClusterSetupError:
    kind = ClusterSetupError if error.status in _SETUP else ClusterNotReadyError
    return kind(
        Text(
            en=f"Kubernetes does not give the run a Dask cluster: {error}.",
            id=f"Kubernetes tidak memberikan klaster Dask untuk run ini: {error}.",
        ),
        Text(
            en="Tell the platform team: CRDs and rights come with the chart.",
            id="Hubungi tim platform: CRD dan hak akses berasal dari chart.",
        )
        if kind is ClusterSetupError
        else None,
    )
