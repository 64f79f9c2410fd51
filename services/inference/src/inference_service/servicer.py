"""The gRPC class: convert, call, convert."""

from collections.abc import AsyncIterator
from typing import Any

from inference_service.converters import (
    bad_token,
    deployment_to_proto,
    draft_from_proto,
    report_from_proto,
    token_from_key,
    token_to_key,
    version_to_proto,
)
from inference_service.domain import limits
from inference_service.domain.names import parse_model, parse_version
from inference_service.errors import UploadOrderError
from inference_service.service.deployments import DeploymentService
from inference_service.service.registry import RegistryService
from inference_service.service.replicas import ReplicaService
from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import model_service_pb2_grpc as pb_grpc
from lumbung.inference.v1 import replica_service_pb2 as replica_pb
from lumbung.inference.v1 import replica_service_pb2_grpc as replica_grpc
from servicekit.auth import current_principal
from servicekit.errors import Text

__all__ = ["ModelServicer", "ReplicaServicer"]


class ModelServicer(pb_grpc.ModelServiceServicer):  # type: ignore[misc]  # generated code has no types
    """The model registry and what is served."""

    def __init__(self, registry: RegistryService, deployments: DeploymentService) -> None:
        self._registry = registry
        self._deployments = deployments

    async def RegisterModelVersion(  # noqa: N802
        self, request: AsyncIterator[pb.RegisterModelVersionRequest], context: Any
    ) -> pb.ModelVersion:
        """Registers a version."""
        del context
        messages = aiter(request)
        head = await _head(messages)
        version = await self._registry.register_model_version(
            current_principal(), draft_from_proto(head), _data(messages)
        )
        deployed = version.ref in await self._deployments.deployed_refs()
        return version_to_proto(version, deployed=deployed)

    async def GetModelVersion(self, request: pb.GetModelVersionRequest, context: Any) -> pb.ModelVersion:  # noqa: N802
        """Gets a version."""
        del context
        version = await self._registry.get_model_version(parse_version(request.name, field="name"))
        return version_to_proto(version, deployed=version.ref in await self._deployments.deployed_refs())

    async def ListModelVersions(  # noqa: N802
        self, request: pb.ListModelVersionsRequest, context: Any
    ) -> pb.ListModelVersionsResponse:
        """Lists versions."""
        del context
        parent = parse_model(request.parent, field="parent", wildcard=True)
        key = token_to_key(request.page_token)
        if key and not (key.isascii() and key.isdigit() and len(key) < limits.MAX_KEY_DIGITS):
            raise bad_token()
        page = await self._registry.list_model_versions(parent, request.page_size, int(key) if key else None)
        deployed = await self._deployments.deployed_refs()
        return pb.ListModelVersionsResponse(
            model_versions=[version_to_proto(v, deployed=v.ref in deployed) for v in page.versions],
            next_page_token=token_from_key(str(page.next_position)) if page.next_position else "",
        )

    async def DeployModelVersion(self, request: pb.DeployModelVersionRequest, context: Any) -> pb.Deployment:  # noqa: N802
        """Serves a version."""
        del context
        ref = parse_version(request.name, field="name")
        return deployment_to_proto(await self._deployments.deploy_model_version(current_principal(), ref))

    async def UndeployModel(self, request: pb.UndeployModelRequest, context: Any) -> pb.UndeployModelResponse:  # noqa: N802
        """Stops serving a model."""
        del context
        await self._deployments.undeploy_model(parse_model(request.name, field="name"))
        return pb.UndeployModelResponse()

    async def ListDeployments(  # noqa: N802
        self, request: pb.ListDeploymentsRequest, context: Any
    ) -> pb.ListDeploymentsResponse:
        """Lists what is served."""
        del context
        after = token_to_key(request.page_token)
        found = [
            served
            for served in await self._deployments.list_deployments()
            if served.deployment.ref.model > after
        ]
        limit = min(request.page_size if request.page_size > 0 else limits.PAGE, limits.MAX_PAGE)
        page = found[:limit]
        more = len(found) > limit
        return pb.ListDeploymentsResponse(
            deployments=[deployment_to_proto(served) for served in page],
            next_page_token=token_from_key(page[-1].deployment.ref.model) if more else "",
        )


class ReplicaServicer(replica_grpc.ReplicaServiceServicer):  # type: ignore[misc]  # generated code has no types
    """Where replicas are."""

    def __init__(self, replicas: ReplicaService) -> None:
        self._replicas = replicas

    async def ReportReplica(  # noqa: N802
        self, request: replica_pb.ReportReplicaRequest, context: Any
    ) -> replica_pb.ReportReplicaResponse:
        """Takes a replica's report."""
        del context
        await self._replicas.report_replica(current_principal(), report_from_proto(request))
        return replica_pb.ReportReplicaResponse()


def _order_error(field: str) -> UploadOrderError:
    return UploadOrderError(
        Text(
            en="The head comes first and once, then data.", id="Kepala dikirim pertama dan sekali, lalu data."
        ),
        Text(en="Send `head`, then `data` in chunks.", id="Kirim `head`, lalu `data` per potongan."),
        field=field,
    )


async def _head(
    messages: AsyncIterator[pb.RegisterModelVersionRequest],
) -> pb.RegisterModelVersionRequest.Head:
    first = await anext(messages, None)
    if first is None or first.WhichOneof("part") != "head":
        raise _order_error("head")
    return first.head


async def _data(messages: AsyncIterator[pb.RegisterModelVersionRequest]) -> AsyncIterator[bytes]:
    async for message in messages:
        if message.WhichOneof("part") != "data":
            raise _order_error("data")
        yield message.data
