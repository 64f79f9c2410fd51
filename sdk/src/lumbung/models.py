"""Models: register, deploy, predict."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import uuid
from collections.abc import Iterator, Mapping, Sequence

from lumbung.calls import Awaiting, Blocking, Call, Operation, operation
from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import model_service_pb2_grpc as pb_grpc
from lumbung.openinference import open_inference_pb2 as oip
from lumbung.openinference import open_inference_pb2_grpc as oip_grpc
from lumbung.repeating import collect, retrying
from lumbung.tensors import Tensor, add_input, output_tensors

__all__ = ["AsyncModels", "Models", "Tensor"]

CHUNK_BYTES = 1024 * 1024
REGISTER_SECONDS = 120.0
_models = pb_grpc.ModelServiceStub


class _Models:
    @operation
    def register(
        self,
        model: str,
        onnx: bytes,
        *,
        description: str = "",
        training_snapshots: Sequence[str] = (),
        metrics: Mapping[str, float] | None = None,
        request_id: str = "",
    ) -> Operation[pb.ModelVersion]:
        """Registers an ONNX file as the next version of a model."""
        head = pb.RegisterModelVersionRequest.Head(
            parent=f"models/{model}",
            model_version=pb.ModelVersion(
                description=description, training_snapshots=training_snapshots, metrics=dict(metrics or {})
            ),
            request_id=request_id or str(uuid.uuid4()),
        )

        def parts() -> Iterator[pb.RegisterModelVersionRequest]:
            yield pb.RegisterModelVersionRequest(head=head)
            for start in range(0, len(onnx), CHUNK_BYTES):
                yield pb.RegisterModelVersionRequest(data=onnx[start : start + CHUNK_BYTES])

        return (yield from retrying(Call(_models, "RegisterModelVersion", parts, REGISTER_SECONDS)))

    @operation
    def list_versions(self, model: str = "-") -> Operation[list[pb.ModelVersion]]:
        """The versions of a model, or of all, newest first."""

        def page(size: int, token: str) -> Call:
            request = pb.ListModelVersionsRequest(parent=f"models/{model}", page_size=size, page_token=token)
            return Call(_models, "ListModelVersions", request)

        return (yield from collect(page, "model_versions"))

    @operation
    def deploy(self, version: str, timeout_seconds: float = 180.0) -> Operation[pb.Deployment]:
        """Serves `models/{model}/versions/{version}`; returns when it answers."""
        request = pb.DeployModelVersionRequest(name=version)
        return (yield Call(_models, "DeployModelVersion", request, timeout_seconds))

    @operation
    def predict(
        self, model: str, inputs: Sequence[Tensor], *, timeout_seconds: float = 30.0
    ) -> Operation[list[Tensor]]:
        """Asks the deployed version of a model."""
        request = oip.ModelInferRequest(model_name=model)
        for tensor in inputs:
            add_input(request, tensor)
        answer = yield Call(oip_grpc.GRPCInferenceServiceStub, "ModelInfer", request, timeout_seconds)
        return output_tensors(answer)


class Models(_Models, Blocking):
    """Registers and deploys models, and asks them."""


class AsyncModels(_Models, Awaiting):
    """`Models`, to be awaited."""
