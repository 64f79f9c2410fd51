"""The registry in memory: for unit tests of the use cases; the contract suite holds it to the real one."""

from dataclasses import replace

from typing_extensions import override

from inference_service.domain.model import Deployment, ModelVersion
from inference_service.domain.names import VersionRef
from inference_service.errors import version_not_found
from inference_service.storage.store import RegistryStore, VersionPage

__all__ = ["MemoryRegistryStore"]


class MemoryRegistryStore(RegistryStore):
    """Lives as long as the process."""

    def __init__(self) -> None:
        self._versions: list[ModelVersion] = []
        self._deployments: dict[str, Deployment] = {}

    @override
    async def register_model_version(self, version: ModelVersion) -> ModelVersion:
        model = version.ref.model
        known = await self.find_by_sha256(model, version.sha256)
        if known is None and version.request_id:
            known = await self.find_by_request(model, version.request_id)
        if known is not None:
            return known
        number = 1 + max((kept.ref.version for kept in self._versions if kept.ref.model == model), default=0)
        added = replace(version, ref=VersionRef(model, number))
        self._versions.append(added)
        return added

    @override
    async def find_by_request(self, model: str, request_id: str) -> ModelVersion | None:
        return next((v for v in self._versions if v.ref.model == model and v.request_id == request_id), None)

    @override
    async def find_by_sha256(self, model: str, sha256: str) -> ModelVersion | None:
        return next((v for v in self._versions if v.ref.model == model and v.sha256 == sha256), None)

    @override
    async def get_model_version(self, ref: VersionRef) -> ModelVersion:
        for version in self._versions:
            if version.ref == ref:
                return version
        raise version_not_found(str(ref))

    @override
    async def list_model_versions(self, model: str | None, *, limit: int, before: int | None) -> VersionPage:
        found = [
            (position, version)
            for position, version in enumerate(self._versions, start=1)
            if (model is None or version.ref.model == model) and (before is None or position < before)
        ][::-1]
        page = found[:limit]
        return VersionPage([version for _, version in page], page[-1][0] if len(found) > limit else None)

    @override
    async def set_deployment(self, deployment: Deployment) -> Deployment | None:
        await self.get_model_version(deployment.ref)
        before = self._deployments.get(deployment.ref.model)
        self._deployments[deployment.ref.model] = deployment
        return before

    @override
    async def delete_deployment(self, model: str) -> Deployment | None:
        return self._deployments.pop(model, None)

    @override
    async def list_deployments(self) -> list[Deployment]:
        return [self._deployments[model] for model in sorted(self._deployments)]
