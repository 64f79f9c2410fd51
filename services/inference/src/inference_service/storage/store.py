"""The registry's persistence, as a port."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from inference_service.domain.model import Deployment, ModelVersion
from inference_service.domain.names import VersionRef

__all__ = ["RegistryStore", "VersionPage"]


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions of a page, newest first, and where the next one begins (None at the end)."""

    versions: list[ModelVersion]
    next_position: int | None


class RegistryStore(ABC):
    """Versions are immutable; a model has at most one deployment."""

    @abstractmethod
    async def register_model_version(self, version: ModelVersion) -> ModelVersion:
        """Keeps a version under the next number of its model (the given number does not matter).

        Adding a file or a request id that the model has already gives the version that is there.
        """

    @abstractmethod
    async def find_by_request(self, model: str, request_id: str) -> ModelVersion | None:
        """The version that a request id made."""

    @abstractmethod
    async def find_by_sha256(self, model: str, sha256: str) -> ModelVersion | None:
        """The version with this file."""

    @abstractmethod
    async def get_model_version(self, ref: VersionRef) -> ModelVersion:
        """One version; VersionNotFoundError."""

    @abstractmethod
    async def list_model_versions(self, model: str | None, *, limit: int, before: int | None) -> VersionPage:
        """Versions, newest first, of one model or of all; `before` is a page's `next_position`."""

    @abstractmethod
    async def set_deployment(self, deployment: Deployment) -> Deployment | None:
        """Makes a version the served one of its model, and returns what was before. DeployModelVersion."""

    @abstractmethod
    async def delete_deployment(self, model: str) -> Deployment | None:
        """Ends serving a model, and returns what was before. UndeployModel, or a deploy that is taken back."""

    @abstractmethod
    async def list_deployments(self) -> list[Deployment]:
        """What should be served, by the model's name."""
