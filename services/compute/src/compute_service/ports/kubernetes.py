"""What clusters of runs need of Kubernetes. Objects are plain mappings, as the API server gives them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Kubernetes", "KubernetesError"]


class KubernetesError(Exception):
    """A call failed. `status` is the HTTP status, None when nobody answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Kubernetes(ABC):
    """One namespace of a Kubernetes cluster. Every call raises KubernetesError."""

    @abstractmethod
    async def owner(self, config_map: str) -> dict[str, str]:
        """A reference to a ConfigMap: what names it as its owner is removed with it."""

    @abstractmethod
    async def create_cluster(self, manifest: Mapping[str, Any]) -> None:
        """Creates a DaskCluster."""

    @abstractmethod
    async def delete_cluster(self, name: str) -> None:
        """Removes a DaskCluster and what belongs to it; nothing when there is none."""

    @abstractmethod
    async def list_clusters(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        """DaskClusters with these labels."""

    @abstractmethod
    async def list_pods(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        """Pods with these labels."""

    @abstractmethod
    async def list_deployments(self, labels: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        """Deployments with these labels."""
