"""Predictions without a pause, through a gateway, and the model that they ask for."""

import asyncio
import threading

import grpc
import httpx
import numpy as np

from lumbung.inference.v1 import model_service_pb2 as models_pb
from lumbung.inference.v1 import model_service_pb2_grpc as models_grpc
from lumbung.openinference import open_inference_pb2 as pb
from lumbung.openinference import open_inference_pb2_grpc as pb_grpc

from support.inference_stack import InferenceStack
from support.onnx_models import linear


def deploy_steady(stack: InferenceStack) -> None:
    """Registers and deploys the model that callers ask for."""
    metadata = (("authorization", f"Bearer {stack.signin.token('ilmuwan-pusat', 'scientist')}"),)
    head = models_pb.RegisterModelVersionRequest.Head(
        parent="models/steady", model_version=models_pb.ModelVersion(description="y = x * w + b")
    )
    parts = [
        models_pb.RegisterModelVersionRequest(head=head),
        models_pb.RegisterModelVersionRequest(data=linear().SerializeToString()),
    ]
    with grpc.insecure_channel(stack.api) as channel:
        api = models_grpc.ModelServiceStub(channel)
        version = api.RegisterModelVersion(iter(parts), metadata=metadata)
        api.DeployModelVersion(models_pb.DeployModelVersionRequest(name=version.name), metadata=metadata)


class Callers:
    """Predicts over gRPC and REST, without a pause, until `stop`."""

    def __init__(self, gateway, token):
        self._gateway = gateway
        self._headers = {"authorization": f"Bearer {token}"}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answered = 0
        self.lost = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join(60)

    async def _run(self):
        await asyncio.gather(*(self._over_grpc() for _ in range(6)), self._over_rest())

    async def _over_grpc(self):
        request = pb.ModelInferRequest(model_name="steady")
        request.inputs.add(name="x", datatype="FP32", shape=(1, 3))
        request.raw_input_contents.append(np.ones((1, 3), "<f4").tobytes())
        async with grpc.aio.insecure_channel(self._gateway.target) as channel:
            predict = pb_grpc.GRPCInferenceServiceStub(channel).ModelInfer
            while not self._stop.is_set():
                try:
                    await predict(request, metadata=tuple(self._headers.items()), timeout=30)
                    self.answered += 1
                except grpc.aio.AioRpcError as error:
                    self.lost.append(f"{error.code()}: {error.details()}")
                await asyncio.sleep(0.005)

    async def _over_rest(self):
        body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 1, 1]}]}
        async with httpx.AsyncClient(
            base_url=self._gateway.url, headers=self._headers, trust_env=False, timeout=30
        ) as http:
            while not self._stop.is_set():
                answer = await http.post("/v2/models/steady/infer", json=body)
                if answer.is_success:
                    self.answered += 1
                else:
                    self.lost.append(answer.text)
                await asyncio.sleep(0.02)
