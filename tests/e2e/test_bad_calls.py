"""Whoever has no good token gets nowhere: not through the gateway, and not past it at any service."""

import time

import grpc
import httpx
import jwt
import pytest

from lumbung.catalog.v1 import dataset_service_pb2
from lumbung.compute.v1 import pipeline_service_pb2, query_service_pb2
from lumbung.inference.v1 import model_service_pb2
from lumbung.ingest.v1 import submission_service_pb2, upload_service_pb2
from lumbung.openinference import open_inference_pb2

from support.mainjob import MODEL
from support.tokens import Target, bad_calls
from support.unfit_tokens import unfit_tokens

ACCOUNT = "auditor-pusat"
ONE = open_inference_pb2.ModelInferRequest.InferInputTensor(
    name="inputs",
    datatype="FP64",
    shape=[1, 7],
    contents=open_inference_pb2.InferTensorContents(fp64_contents=[0, 0, 1e12, 9e11, 1.1e12, 1e12, 9.5e11]),
)


def _aim(method, forbidden, internal="/lumbung.catalog.v1.PolicyService/DecideAccess"):
    service = method.rpartition("/")[0]
    return Target("auditor", method, forbidden, internal, f"{service}/DeleteEverything")


# The part, its target, and a request that succeeds when it is let through.
SERVICES = {
    "ingest": (
        _aim(
            "/lumbung.ingest.v1.SubmissionService/ListSubmissions",
            "/lumbung.ingest.v1.UploadService/CreateUpload",
        ),
        submission_service_pb2.ListSubmissionsRequest(page_size=1),
    ),
    "catalog": (
        _aim(
            "/lumbung.catalog.v1.DatasetService/ListDatasets",
            "/lumbung.catalog.v1.DatasetService/ApplyDataset",
        ),
        dataset_service_pb2.ListDatasetsRequest(page_size=1),
    ),
    "compute": (
        _aim(
            "/lumbung.compute.v1.PipelineService/ListPipelines",
            "/lumbung.compute.v1.PipelineService/RunPipeline",
        ),
        pipeline_service_pb2.ListPipelinesRequest(page_size=1),
    ),
    "inference": (
        _aim(
            "/lumbung.inference.v1.ModelService/ListDeployments",
            "/lumbung.inference.v1.ModelService/UndeployModel",
        ),
        model_service_pb2.ListDeploymentsRequest(),
    ),
    "serve_grpc": (
        _aim(
            "/inference.GRPCInferenceService/ModelInfer", "/lumbung.inference.v1.ModelService/UndeployModel"
        ),
        open_inference_pb2.ModelInferRequest(model_name=MODEL, inputs=[ONE]),
    ),
}
# Ray's ingress answers so to a method that it does not have.
ALSO = {"serve_grpc": frozenset({"UNIMPLEMENTED"})}


@pytest.fixture(scope="module")
def tables(loaded_stack):
    """The bad calls by service; tokens are the real issuer's own where it can be made to issue such a one."""
    genuine = loaded_stack.token(ACCOUNT)
    kid = jwt.get_unverified_header(genuine)["kid"]
    certs = f"{loaded_stack.description['issuer']}/protocol/openid-connect/certs"
    keys = jwt.PyJWKSet.from_dict(httpx.get(certs, trust_env=False).json())
    issued = unfit_tokens(loaded_stack, ACCOUNT)
    return {
        part: bad_calls(genuine, keys[kid].key, issued=issued, target=target)
        for part, (target, _request) in SERVICES.items()
    }


def _over_http(call):
    """The headers of a call whose fault lies in them alone, and can be said in HTTP/1.1 by a careful client."""
    return [(name, value.rstrip()) for name, value in call.metadata]


def _call(target, path, metadata, request):
    with grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)]) as channel:
        try:
            channel.unary_unary(path)(request, metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return "OK", ""


@pytest.fixture(scope="module")
def address(loaded_stack):
    def find(part, way):
        return loaded_stack.gateway if way == "edge" else loaded_stack.behind(part)

    return find


@pytest.fixture
def nothing_happened(loaded_stack):
    """Afterwards the audit log has no new act that was allowed, and no upload was made."""
    auditor = loaded_stack.client(ACCOUNT)
    before = auditor.catalog.list_audit_entries(limit=1)[0].sequence
    submissions = len(auditor.uploads.list_submissions(limit=100_000))
    yield
    time.sleep(1)  # services send their entries in batches
    new = [entry for entry in auditor.catalog.list_audit_entries(limit=500) if entry.sequence > before]
    reading = {"lumbung.catalog.v1.AuditService/ListAuditEntries"}
    assert [e for e in new if e.outcome in {"allowed", "OK"} and e.action not in reading] == []
    assert len(auditor.uploads.list_submissions(limit=100_000)) == submissions


@pytest.mark.parametrize("way", ["edge", "service"])
@pytest.mark.parametrize("part", SERVICES)
def test_the_genuine_token_is_let_through(loaded_stack, address, part, way):
    target, request = SERVICES[part]
    metadata = [("authorization", f"Bearer {loaded_stack.token(ACCOUNT)}")]
    answer = _call(address(part, way), target.method, metadata, request.SerializeToString())
    assert answer == ("OK", "")


@pytest.mark.parametrize("way", ["edge", "service"])
@pytest.mark.parametrize("part", SERVICES)
def test_bad_calls_are_refused(tables, address, nothing_happened, part, way):
    _target, request = SERVICES[part]
    where = address(part, way)
    also = ALSO.get(part, frozenset()) if way == "service" else frozenset()
    wrong = {}
    for call in tables[part]:
        code, message = _call(where, call.path, call.metadata, request.SerializeToString())
        if code not in call.codes | (also if call.path != SERVICES[part][0].method else frozenset()):
            wrong[call.name] = (code, message, sorted(call.codes))
    assert len(tables[part]) >= 40
    assert wrong == {}


def test_bad_calls_are_refused_over_rest(loaded_stack, tables):
    """The same tokens, as a browser or a script would send them."""
    wrong = {}
    target = SERVICES["catalog"][0]
    with httpx.Client(base_url=loaded_stack.gateway_url, trust_env=False, timeout=10) as http:
        good = {"authorization": f"Bearer {loaded_stack.token(ACCOUNT)}"}
        assert http.get("/v1/datasets", headers=good).status_code == httpx.codes.OK
        for call in tables["catalog"]:
            if call.path == target.method:
                status = http.get("/v1/datasets", headers=_over_http(call)).status_code
                if status not in {400, 401, 403, 431}:
                    wrong[call.name] = status
    assert wrong == {}


def test_predictions_over_rest_are_refused_at_the_replica(loaded_stack, tables):
    wrong = {}
    url = f"http://{loaded_stack.behind('serve_http')}/v2/models/{MODEL}"
    target = SERVICES["serve_grpc"][0]
    with httpx.Client(trust_env=False, timeout=10) as http:
        good = {"authorization": f"Bearer {loaded_stack.token(ACCOUNT)}"}
        assert http.get(url, headers=good).status_code == httpx.codes.OK
        for call in tables["serve_grpc"]:
            if call.path == target.method and call.name != "huge-header":
                status = http.get(url, headers=_over_http(call)).status_code
                if status not in {400, 401, 403, 431}:
                    wrong[call.name] = status
    assert wrong == {}


def test_the_portal_takes_no_token_for_a_session(loaded_stack, tables):
    """The portal knows people by its own session alone; no header makes one, and the gateway may refuse it before."""
    with httpx.Client(base_url=loaded_stack.gateway_url, trust_env=False, timeout=10) as http:
        landing = http.get("/", headers={"accept-language": "en"}).text
        for call in tables["catalog"]:
            if call.path == SERVICES["catalog"][0].method and call.name != "huge-header":
                headers = [*_over_http(call), ("accept-language", "en")]
                answer = http.get("/", headers=headers)
                assert answer.status_code in {400, 401, 403} or answer.text == landing, call.name


STREAMS = {
    "ingest": ("/lumbung.ingest.v1.UploadService/WriteUpload", upload_service_pb2.WriteUploadRequest()),
    "compute": (
        "/lumbung.compute.v1.QueryService/RunQuery",
        query_service_pb2.RunQueryRequest(sql="SELECT count(*) FROM province"),
    ),
    "inference": (
        "/lumbung.inference.v1.ModelService/RegisterModelVersion",
        model_service_pb2.RegisterModelVersionRequest(),
    ),
}


@pytest.mark.parametrize("way", ["edge", "service"])
@pytest.mark.parametrize("part", STREAMS)
def test_streams_are_refused_too(tables, address, part, way):
    path, request = STREAMS[part]
    cases = [call for call in tables[part] if call.path == SERVICES[part][0].method]
    wrong = {}
    for case in cases:
        with grpc.insecure_channel(address(part, way), options=[("grpc.enable_retries", 0)]) as channel:
            stream = channel.stream_stream(path)(
                iter([request.SerializeToString()]), metadata=case.metadata, timeout=10
            )
            try:
                got = len(list(stream))
            except grpc.RpcError as error:
                if error.code().name not in case.codes:
                    wrong[case.name] = (error.code().name, error.details())
            else:
                wrong[case.name] = f"{got} answers"
    assert wrong == {}


def test_a_services_own_identity_is_no_key_to_the_gateway(loaded_stack):
    target, request = SERVICES["catalog"]
    metadata = [("authorization", f"Bearer {loaded_stack.token('svc-compute')}")]
    code, _message = _call(loaded_stack.gateway, target.method, metadata, request.SerializeToString())
    assert code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
