"""Kubernetes' API server, asked with the pod's own service account."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import kr8s
from typing_extensions import override

from compute_service.ports.kubernetes import Kubernetes, KubernetesError

__all__ = ["Kr8sKubernetes", "pod_namespace"]

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DASK = "kubernetes.dask.org/v1"
_NOT_FOUND = 404


def pod_namespace() -> str:
    """The namespace that this process' pod is in; OSError outside of a pod."""
    return _NAMESPACE.read_text(encoding="utf-8").strip()


class Kr8sKubernetes(Kubernetes):
    """One namespace. Connects at the first call; a token that has expired is read again."""

    def __init__(self, namespace: str, timeout_seconds: float = 10.0) -> None:
        self._namespace, self._timeout = namespace, timeout_seconds
        self._api: Any = None

    @override
    async def owner(self, config_map: str) -> dict[str, str]:
        found = await self._call("GET", "v1", f"configmaps/{config_map}")
        uid = found["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": config_map, "uid": uid}

    @override
    async def create_cluster(self, manifest: Mapping[str, Any]) -> None:
        await self._call("POST", _DASK, "daskclusters", content=json.dumps(manifest))

    @override
    async def delete_cluster(self, name: str) -> None:
        try:
            options = json.dumps({"propagationPolicy": "Background"})
            await self._call("DELETE", _DASK, f"daskclusters/{name}", content=options)
        except KubernetesError as error:
            if error.status != _NOT_FOUND:
                raise

    @override
    async def list_clusters(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        return await self._list(_DASK, "daskclusters", labels)

    @override
    async def list_pods(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        return await self._list("v1", "pods", labels)

    @override
    async def list_deployments(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        return await self._list("apps/v1", "deployments", labels)

    async def _list(self, version: str, plural: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        answer = await self._call("GET", version, plural, params={"labelSelector": selector})
        return list(answer["items"])

    async def _call(self, method: str, version: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            if self._api is None:
                api = await kr8s.asyncio.api()
                api.timeout = self._timeout
                self._api = api
            call = self._api.call_api(method, version=version, namespace=self._namespace, url=path, **request)
            async with call as response:
                return dict(response.json())
        except kr8s.ServerError as error:
            status = error.response.status_code if error.response is not None else None
            raise KubernetesError(str(error), status) from error
        except (kr8s.APITimeoutError, httpx.TransportError, OSError, ValueError) as error:
            raise KubernetesError(f"the API server does not answer: {error}") from error
