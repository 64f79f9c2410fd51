"""From the file to the prediction, against real PostgreSQL, S3 and Ray Serve."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import grpc
import httpx
import pytest

from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import model_service_pb2_grpc as pb_grpc
from lumbung.openinference import open_inference_pb2 as oip
from lumbung.openinference import open_inference_pb2_grpc as oip_grpc

from support.inference_stack import run_inference_stack
from support.onnx_models import linear

pytestmark = pytest.mark.timeout(600)

# The unmodified client, in a process of its own: its generated code and ours name the same messages.
_TRITON = """
import json, sys
import numpy as np
import tritonclient.grpc as triton
address, token, model, version = sys.argv[1:5]
client = triton.InferenceServerClient(address)
headers = {"authorization": f"Bearer {token}"} if token else {}
x = triton.InferInput("x", [2, 3], "FP32")
x.set_data_from_numpy(np.array([[1, 1, 1], [2, 2, 2]], dtype=np.float32))
try:
    result = client.infer(model, [x], model_version=version, headers=headers)
    print(json.dumps({"y": result.as_numpy("y").tolist(), "version": result.get_response().model_version}))
except triton.InferenceServerException as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture(scope="module")
def stack(postgres_server, s3_server):
    with run_inference_stack(postgres_server, s3_server) as running:
        yield running


@pytest.fixture
def api(stack):
    with grpc.insecure_channel(stack.api) as channel:
        yield pb_grpc.ModelServiceStub(channel)


@pytest.fixture
def scientist(stack):
    return (("authorization", f"Bearer {stack.signin.token('ilmuwan-pusat', 'scientist')}"),)


def _parts(model, content, **fields):
    request_id = fields.pop("request_id", "")
    yield pb.RegisterModelVersionRequest(
        head=pb.RegisterModelVersionRequest.Head(
            parent=f"models/{model}", model_version=pb.ModelVersion(**fields), request_id=request_id
        )
    )
    for at in range(0, len(content), 1000):
        yield pb.RegisterModelVersionRequest(data=content[at : at + 1000])


def _register(api, metadata, model, bias, **fields):
    content = linear(bias).SerializeToString()
    return api.RegisterModelVersion(_parts(model, content, **fields), metadata=metadata)


def _predict(stack, model, *, version="", token=None):
    if token is None:
        token = stack.signin.token("ilmuwan-pusat", "viewer")
    done = subprocess.run(
        [sys.executable, "-c", _TRITON, stack.ingress, token, model, version],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def _until(reached, seconds):
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if reached():
            return time.monotonic() - started
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} seconds")


def _deploy(api, metadata, name):
    return api.DeployModelVersion(pb.DeployModelVersionRequest(name=name), metadata=metadata)


def test_register_deploy_predict_redeploy_undeploy(stack, api, scientist):
    first = _register(
        api, scientist, "linear", 0.0, training_snapshots=["datasets/apbd/snapshots/7"], metrics={"wape": 0.1}
    )
    assert first.name == "models/linear/versions/1"
    assert [(i.name, i.datatype, list(i.shape)) for i in first.inputs] == [("x", "FP32", [-1, 3])]
    assert ("datasets/apbd", "models/linear/versions/1") in stack.catalog.edges
    assert _register(api, scientist, "linear", 0.0).name == first.name
    second = _register(api, scientist, "linear", 100.0, request_id="r-2")
    assert second.name == "models/linear/versions/2"

    deployed = _deploy(api, scientist, first.name)
    assert deployed.ready
    got = api.GetModelVersion(pb.GetModelVersionRequest(name=first.name), metadata=scientist)
    assert (got.name, got.sha256, dict(got.metrics)) == (first.name, first.sha256, {"wape": 0.1})
    assert (got.inputs, list(got.training_snapshots)) == (first.inputs, ["datasets/apbd/snapshots/7"])
    assert got.deployed
    assert not api.GetModelVersion(pb.GetModelVersionRequest(name=second.name), metadata=scientist).deployed
    assert _predict(stack, "linear") == {"y": [[1, 2, 3], [2, 4, 6]], "version": "1"}
    replicas = stack.replicas()
    _deploy(api, scientist, second.name)
    assert _predict(stack, "linear")["y"] == [[101, 102, 103], [102, 104, 106]]
    assert stack.replicas() == replicas, "a deploy does not restart the replica"
    assert "not served" in _predict(stack, "linear", version="1")["error"]
    listed = api.ListDeployments(pb.ListDeploymentsRequest(), metadata=scientist).deployments
    assert [(d.model_version, d.ready, d.deployer) for d in listed] == [(second.name, True, "ilmuwan-pusat")]

    api.UndeployModel(pb.UndeployModelRequest(name="models/linear"), metadata=scientist)
    assert "not served" in _predict(stack, "linear")["error"]
    _until(lambda: any(entry.action.endswith("/ModelInfer") for entry in stack.catalog.audit), 5)


def test_predictions_ask_for_a_token_where_the_gateway_is_gone_around(stack, api, scientist):
    version = _register(api, scientist, "guarded", 1.0)
    _deploy(api, scientist, version.name)
    assert "UNAUTHENTICATED" in _predict(stack, "guarded", token="")["error"]
    stale = stack.signin.token("ilmuwan-pusat", "viewer", exp=1)
    assert "expired" in _predict(stack, "guarded", token=stale)["error"]
    nobody = stack.signin.token("ilmuwan-pusat")
    assert "PERMISSION_DENIED" in _predict(stack, "guarded", token=nobody)["error"]
    answer = httpx.post(f"{stack.rest}/v2/models/guarded/infer", json={}, trust_env=False)
    assert answer.status_code == 401


def test_a_version_that_nobody_registered_is_not_found(api, scientist):
    with pytest.raises(grpc.RpcError) as caught:
        api.GetModelVersion(pb.GetModelVersionRequest(name="models/nothing/versions/1"), metadata=scientist)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_the_protocol_tells_of_server_and_model(stack, api, scientist):
    version = _register(api, scientist, "telling", 0.5)
    _deploy(api, scientist, version.name)
    viewer = (("authorization", f"Bearer {stack.signin.token('ilmuwan-pusat', 'viewer')}"),)
    with grpc.insecure_channel(stack.ingress) as channel:
        replica = oip_grpc.GRPCInferenceServiceStub(channel)
        assert replica.ServerLive(oip.ServerLiveRequest(), metadata=viewer).live
        assert replica.ServerReady(oip.ServerReadyRequest(), metadata=viewer).ready
        server = replica.ServerMetadata(oip.ServerMetadataRequest(), metadata=viewer)
        assert (server.name, server.version, list(server.extensions)) == ("lumbung", "1", [])

        for name, number, ready in (("telling", "", True), ("telling", "1", True), ("telling", "2", False),
                                    ("nothing", "", False)):  # fmt: skip
            asked = oip.ModelReadyRequest(name=name, version=number)
            assert replica.ModelReady(asked, metadata=viewer).ready is ready, (name, number)
        model = replica.ModelMetadata(oip.ModelMetadataRequest(name="telling"), metadata=viewer)
        assert (model.name, list(model.versions), model.platform) == ("telling", ["1"], "onnxruntime_onnx")
        for side, name in ((model.inputs, "x"), (model.outputs, "y")):
            assert [(t.name, t.datatype, list(t.shape)) for t in side] == [(name, "FP32", [-1, 3])]
        with pytest.raises(grpc.RpcError) as caught:
            replica.ModelMetadata(oip.ModelMetadataRequest(name="nothing"), metadata=viewer)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as caught:
            replica.ServerMetadata(oip.ServerMetadataRequest())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_rest_form(stack, api, scientist):
    version = _register(api, scientist, "resting", 0.5)
    _deploy(api, scientist, version.name)
    headers = {"authorization": f"Bearer {stack.signin.token('ilmuwan-pusat', 'viewer')}"}
    with httpx.Client(base_url=stack.rest, headers=headers, trust_env=False) as http:
        assert http.get("/v2/health/live").json() == {"live": True}
        assert http.get("/v2/health/ready").json() == {"ready": True}
        assert http.get("/v2").json() == {"name": "lumbung", "version": "1", "extensions": []}
        assert http.get("/v2/models/resting/ready").json()["ready"] is True
        assert http.get("/v2/models/nothing/ready").status_code == 404
        assert http.get("/v2/models/resting").json()["inputs"][0]["shape"] == [-1, 3]
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [[1, 1, 1]]}
        answer = http.post("/v2/models/resting/infer", json={"id": "7", "inputs": [tensor]})
        assert answer.json()["outputs"][0]["data"] == [1.5, 2.5, 3.5]
        wrong = http.post("/v2/models/resting/infer", json={"inputs": [tensor | {"shape": [3]}]})
        assert wrong.status_code == 400
        assert "shape" in wrong.json()["error"]


def test_a_killed_replica_and_a_killed_head_come_back(stack, api, scientist):
    version = _register(api, scientist, "healing", 3.0)
    _deploy(api, scientist, version.name)
    for pid in stack.replicas():
        os.kill(pid, signal.SIGKILL)
    _until(lambda: "y" in _predict(stack, "healing"), 120)
    # The killed head leaves its processes behind; the next one has to end them first.
    before = stack.replicas()
    stack.kill("ray")
    stack.start("ray")
    _until(lambda: stack.replicas() not in ([], before), 240)
    _until(lambda: "y" in _predict(stack, "healing"), 240)


def _told(stack):
    """Samples of the node's replicas, without labels of processes."""
    page = httpx.get(f"http://127.0.0.1:{stack.base + 38}/metrics", trust_env=False).raise_for_status().text
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", page, re.MULTILINE)}


def test_predictions_are_counted_whichever_replica_answers(stack, api, scientist):
    infer = 'method="/inference.GRPCInferenceService/ModelInfer"'
    good = f'lumbung_grpc_calls_total{{code="OK",{infer}}}'
    version = _register(api, scientist, "counted", 1.0)
    _deploy(api, scientist, version.name)
    before = _told(stack).get(good, 0)
    _predict(stack, "counted")
    _predict(stack, "counted", token="")
    page = _told(stack)
    assert page[good] == before + 1
    assert page[f'lumbung_grpc_calls_total{{code="UNAUTHENTICATED",{infer}}}'] >= 1
    assert page[f'lumbung_grpc_seconds_bucket{{le="+Inf",{infer}}}'] >= before + 2
    assert page[f"lumbung_grpc_running{{{infer}}}"] == 0
    (replica,) = stack.replicas()
    os.kill(replica, signal.SIGKILL)

    def answers():
        with contextlib.suppress(KeyError):
            return replica not in stack.replicas() and _predict(stack, "counted")["y"]

    _until(answers, 60)
    page = _told(stack)
    assert page[good] >= before + 2, "what the dead replica counted stays"
    assert page[f"lumbung_grpc_running{{{infer}}}"] == 0
