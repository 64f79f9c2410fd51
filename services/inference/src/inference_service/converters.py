"""Between the protos and the domain's own words."""

import base64
import binascii

from google.protobuf.timestamp_pb2 import Timestamp

from inference_service.domain.model import ModelVersion, TensorSpec, VersionDraft
from inference_service.domain.names import parse_model
from inference_service.domain.replica import ReplicaReport, ReplicaState
from inference_service.service.deployments import ServedDeployment
from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import replica_service_pb2 as replica_pb
from servicekit.errors import InvalidArgumentError, Text

__all__ = [
    "deployment_to_proto",
    "draft_from_proto",
    "report_from_proto",
    "token_from_key",
    "token_to_key",
    "version_to_proto",
]


def draft_from_proto(head: pb.RegisterModelVersionRequest.Head) -> VersionDraft:
    """Reads the head of an upload.

    Raises:
        MalformedNameError: `parent` is not a model's name.
    """
    version = head.model_version
    return VersionDraft(
        model=parse_model(head.parent, field="head.parent").model,
        description=version.description,
        inputs=tuple(_spec(spec) for spec in version.inputs),
        outputs=tuple(_spec(spec) for spec in version.outputs),
        training_snapshots=tuple(version.training_snapshots),
        metrics=dict(version.metrics),
        request_id=head.request_id,
    )


def report_from_proto(request: replica_pb.ReportReplicaRequest) -> ReplicaReport:
    """Reads a replica's report."""
    leaving = request.state == replica_pb.ReportReplicaRequest.STATE_LEAVING
    return ReplicaReport(
        replica=request.replica,
        grpc_address=request.grpc_address,
        http_address=request.http_address,
        state=ReplicaState.LEAVING if leaving else ReplicaState.SERVING,
    )


def _spec(message: pb.TensorSpec) -> TensorSpec:
    return TensorSpec(message.name, message.datatype, tuple(message.shape))


def _spec_to_proto(spec: TensorSpec) -> pb.TensorSpec:
    return pb.TensorSpec(name=spec.name, datatype=spec.datatype, shape=spec.shape)


def version_to_proto(version: ModelVersion, *, deployed: bool) -> pb.ModelVersion:
    """Writes a version."""
    when = Timestamp()
    when.FromDatetime(version.create_time)
    return pb.ModelVersion(
        name=str(version.ref),
        description=version.description,
        inputs=[_spec_to_proto(spec) for spec in version.signature.inputs],
        outputs=[_spec_to_proto(spec) for spec in version.signature.outputs],
        training_snapshots=version.training_snapshots,
        metrics=dict(version.metrics),
        sha256=version.sha256,
        size_bytes=version.size_bytes,
        creator=version.creator,
        create_time=when,
        deployed=deployed,
    )


def deployment_to_proto(served: ServedDeployment) -> pb.Deployment:
    """Writes a deployment."""
    deployment = served.deployment
    when = Timestamp()
    when.FromDatetime(deployment.create_time)
    return pb.Deployment(
        model=f"models/{deployment.ref.model}",
        model_version=str(deployment.ref),
        ready=served.ready,
        deployer=deployment.deployer,
        create_time=when,
    )


def token_from_key(key: str) -> str:
    """A page token that means `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def token_to_key(token: str) -> str:
    """What a page token means; empty for the first page.

    Raises:
        InvalidArgumentError: no token of ours.
    """
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise bad_token() from error


def bad_token() -> InvalidArgumentError:
    """The error for a page token that this service did not give."""
    return InvalidArgumentError(
        Text(en="page_token is not one of ours.", id="page_token tidak dikenal."),
        Text(
            en="Send next_page_token of the page before.", id="Kirim next_page_token dari halaman sebelumnya."
        ),
        field="page_token",
        reason="PAGE_TOKEN_INVALID",
    )
