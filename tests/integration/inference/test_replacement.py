"""A replica is replaced under load: predictions through the gateway notice nothing, and every one is in the audit log."""

import asyncio
import threading
import time

import grpc
import httpx
import numpy as np
import pytest

from gateway_service import GatewaySettings
from gateway_service.settings import AccessLogSettings, PredictionSettings, PublicListenSettings
from lumbung.inference.v1 import model_service_pb2 as models_pb
from lumbung.inference.v1 import model_service_pb2_grpc as models_grpc
from lumbung.openinference import open_inference_pb2 as pb
from lumbung.openinference import open_inference_pb2_grpc as pb_grpc
from servicekit.settings import AuthSettings, PeerSettings

from support.gateway import run_envoy
from support.inference_stack import run_inference_stack
from support.onnx_models import linear
from support.servers import free_ports

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def stack(postgres_server, s3_server):
    with run_inference_stack(postgres_server, s3_server) as running:
        yield running


@pytest.fixture
def gateway(stack, tmp_path):
    port, admin = free_ports(2)
    settings = GatewaySettings(
        listen=PublicListenSettings(port=port, admin_port=admin),
        auth=AuthSettings(issuer=stack.signin.issuer, jwks_url=stack.signin.jwks_url),
        access_log=AccessLogSettings(path=str(tmp_path / "access.log")),
        services={
            name: PeerSettings(target="127.0.0.1:9") for name in ("ingest", "catalog", "compute", "inference")
        },
        predictions=PredictionSettings(
            grpc=PeerSettings(target=stack.ingress),
            http=PeerSettings(target=stack.rest.removeprefix("http://")),
        ),
    )
    with run_envoy(settings, tmp_path) as running:
        yield running


def _deploy(stack):
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


class _Callers:
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


def _audited(stack):
    return sum(
        entry.action.endswith("/ModelInfer") and entry.outcome == "OK" for entry in stack.catalog.audit
    )


def test_a_replaced_replica_loses_no_prediction(stack, gateway):
    _deploy(stack)
    before = set(stack.replicas())
    with _Callers(gateway, stack.signin.token("ilmuwan-pusat", "viewer")) as callers:
        # Other settings need another replica; the service sees to it when it starts.
        stack.change_settings("limits", replica={"max_run_seconds": 9})
        deadline = time.monotonic() + 240
        seen = set()
        while not (now := set(stack.replicas())) or now & before:
            seen |= now
            assert time.monotonic() < deadline, f"replicas {now} after {before}"
            time.sleep(0.05)
        reached = callers.answered
        time.sleep(1)
        assert callers.answered > reached, "the new replica answers"
    assert callers.lost == []
    deadline = time.monotonic() + 10
    while _audited(stack) < callers.answered:
        assert time.monotonic() < deadline, f"{_audited(stack)} of {callers.answered} are in the audit log"
        time.sleep(0.1)
