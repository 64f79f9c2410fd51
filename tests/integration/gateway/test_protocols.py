"""The same call as gRPC, as REST and as gRPC-Web, and what browsers ask before."""

import base64
import json
import struct
import time

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from lumbung.compute.v1 import query_service_pb2, query_service_pb2_grpc
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as pb_grpc
from lumbung.ingest.v1 import upload_service_pb2, upload_service_pb2_grpc


@pytest.fixture
def channel(edge):
    with grpc.insecure_channel(edge.gateway.target) as opened:
        yield opened


@pytest.fixture
def http(edge):
    with httpx.Client(base_url=edge.gateway.url, trust_env=False, timeout=30) as client:
        yield client


def _metadata(edge, *more, **claims):
    return [("authorization", f"Bearer {edge.token(**claims)}"), *more]


def test_grpc_carries_token_language_and_trace_to_the_service(edge, channel):
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    stub = pb_grpc.SubmissionServiceStub(channel)
    answer = stub.GetSubmission(
        pb.GetSubmissionRequest(name="submissions/a"),
        metadata=_metadata(edge, ("accept-language", "id"), ("traceparent", trace), ("x-jwt-sub", "admin")),
    )
    assert answer.submitter == "kontributor-pusat"
    seen = edge.reached.metadata
    assert seen["accept-language"] == "id"
    assert seen["traceparent"].split("-")[1] == "a" * 32
    assert seen["authorization"].startswith("Bearer ")
    assert "x-jwt-sub" not in seen


def test_rest_is_the_same_call(edge, http):
    answer = http.get("/v1/submissions/a", headers=edge.bearer())
    assert answer.status_code == 200
    assert answer.json()["submitter"] == "kontributor-pusat"


def test_rest_hands_on_the_services_errors_with_their_details(edge, http):
    answer = http.get("/v1/submissions/missing", headers=edge.bearer() | {"accept-language": "id"})
    assert answer.status_code == 404
    document = answer.json()
    assert document["message"] == "submissions/missing tidak ada. Lihat daftarnya dahulu."
    assert document["details"][0]["reason"] == "SUBMISSION_NOT_FOUND"


def test_grpc_web_is_the_same_call(edge, http):
    body = pb.GetSubmissionRequest(name="submissions/a").SerializeToString()
    frame = b"\x00" + struct.pack(">I", len(body)) + body
    headers = edge.bearer() | {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    path = "/lumbung.ingest.v1.SubmissionService/GetSubmission"
    answer = http.post(path, content=frame, headers=headers)
    assert answer.headers["content-type"] == "application/grpc-web+proto"
    (length,) = struct.unpack(">I", answer.content[1:5])
    assert pb.Submission.FromString(answer.content[5 : 5 + length]).submitter == "kontributor-pusat"
    assert b"grpc-status:0" in answer.content[5 + length :]
    text = headers | {"content-type": "application/grpc-web-text", "accept": "application/grpc-web-text"}
    answer = http.post(path, content=base64.b64encode(frame), headers=text)
    assert base64.b64decode(answer.content[: 4 * ((5 + length + 2) // 3)])[5 : 5 + length]


def test_grpc_web_without_a_token_is_told_why(http):
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    answer = http.post(
        "/lumbung.ingest.v1.SubmissionService/GetSubmission", content=b"\0\0\0\0\0", headers=headers
    )
    said = answer.headers.get("grpc-status") or answer.content.decode()
    assert "16" in said


def test_streams_go_both_ways(edge, channel):
    queries = query_service_pb2_grpc.QueryServiceStub(channel)
    parts = list(
        queries.RunQuery(query_service_pb2.RunQueryRequest(sql="SELECT 1"), metadata=_metadata(edge))
    )
    assert len(parts) == 3
    uploads = upload_service_pb2_grpc.UploadServiceStub(channel)
    chunks = (upload_service_pb2.WriteUploadRequest(data=b"x" * 1_000_000, crc32c=1) for _ in range(8))
    answer = uploads.WriteUpload(chunks, metadata=_metadata(edge))
    assert answer.committed_bytes == 8_000_000  # more than a unary request may have


def test_a_browser_of_the_portal_may_call_and_others_may_not(http):
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    path = "/v1/submissions/a"
    allowed = http.options(path, headers=ask | {"origin": "http://portal.test"})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "http://portal.test"
    assert (
        "access-control-allow-origin"
        not in http.options(path, headers=ask | {"origin": "http://evil.test"}).headers
    )


def test_health_is_open_and_the_rest_of_health_is_not(edge, channel):
    stub = health_pb2_grpc.HealthStub(channel)
    assert stub.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Watch(health_pb2.HealthCheckRequest()))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_portal_is_open_and_does_not_get_the_token(edge, http):
    assert http.get("/").json() == {"page": "portal"}
    assert http.get("/portal/status").status_code == 200


def test_grpc_errors_of_the_gateway_have_reason_and_remedy_in_the_callers_language(edge, channel):
    stub = pb_grpc.SubmissionServiceStub(channel)
    request = pb.GetSubmissionRequest(name="submissions/a")
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetSubmission(request, metadata=[("accept-language", "id-ID,id")])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "lumbung login" in caught.value.details()
    assert caught.value.details().startswith("Permintaan tidak membawa token")
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetSubmission(request, metadata=_metadata(edge, realm_access={"roles": ["viewer"]}))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert info.reason == "ROLE_MISSING"


@pytest.mark.parametrize(
    ("verb", "path", "claims", "status", "reason"),
    [
        ("GET", "/v1/submissions/a", None, 401, "TOKEN_REFUSED"),
        ("GET", "/v1/submissions/a", {"exp": 1}, 401, "TOKEN_REFUSED"),
        ("GET", "/v1/submissions/a", {"aud": "other"}, 403, "TOKEN_AUDIENCE"),
        ("GET", "/v1/submissions/a", {"azp": "stranger"}, 401, "TOKEN_NOT_FOR_PLATFORM"),
        ("GET", "/v1/submissions/a", {"realm_access": {"roles": ["viewer"]}}, 403, "ROLE_MISSING"),
        ("GET", "/v1/nothing/here", {}, 404, "NOT_OFFERED"),
        ("GET", "/nothing/here", {}, 404, "NOT_OFFERED"),
        ("DELETE", "/v1/submissions/a", {}, 404, "NOT_OFFERED"),
        ("GET", "/v1/submissions?page_size=many", {}, 400, "MALFORMED_REQUEST"),
        ("GET", "/v1/submissions?unknown=1", {}, 400, "MALFORMED_REQUEST"),
        ("GET", "/v1/submissions/a%2Fb", {}, 400, "MALFORMED_REQUEST"),
    ],
)
def test_rest_errors_of_the_gateway_are_json_in_both_languages(
    edge, http, verb, path, claims, status, reason
):
    trace = {"traceparent": f"00-{'e' * 32}-{'b' * 16}-00"}
    headers = trace if claims is None else edge.bearer(**claims)
    answer = http.request(verb, path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    document = answer.json()
    assert document["details"][0]["reason"] == reason
    assert {detail["locale"] for detail in document["details"][1:]} == {"id", "en"}
    assert document["message"]
    metadata = document["details"][0]["metadata"]
    # A path that is refused as such is refused before the request has an id.
    assert ("request_id" in metadata) == ("%2F" not in path)
    if claims is None:
        assert metadata["traceparent"].split("-")[1] == "e" * 32


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"upload": {"dataset": "datasets/a", "filename": "x"}}, "unknown field upload.filename"),
        ({"upload": {"dataset": "datasets/a"}, "force": True}, "unknown field force"),
        ('{"request_id": "a", "request_id": "b"}', "twice"),
        ('{"request_id": "a"} {"request_id": "b"}', "behind"),
        ("[1, 2]", "not a JSON object"),
        ('{"upload": {"dataset": ' + "[" * 200, "nested"),
        ('{"upload"', "colon"),
    ],
)
def test_unknown_and_broken_json_is_refused_with_its_place(edge, http, body, words):
    edge.reached.calls.clear()
    content = body if isinstance(body, str) else json.dumps(body)
    answer = http.post(
        "/v1/uploads", content=content, headers=edge.bearer() | {"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert edge.reached.calls == []


def test_known_json_passes_in_both_spellings(edge, http):
    upload = {"dataset": "datasets/a", "file_name": 'a"\\b.csv', "sizeBytes": "12"}
    answer = http.post("/v1/uploads", json={"upload": upload, "requestId": "r"}, headers=edge.bearer())
    assert answer.status_code == 200, answer.text
    assert answer.json()["dataset"] == "datasets/a"


def test_a_deadline_is_told_in_both_languages(edge, channel, http):
    answer = http.get("/v1/submissions", headers=edge.bearer())
    assert answer.status_code == 504
    details = answer.json()["details"]
    assert details[0]["reason"] == "DEADLINE_EXCEEDED"
    assert {detail["locale"] for detail in details[1:]} == {"id", "en"}
    with pytest.raises(grpc.RpcError) as caught:
        pb_grpc.SubmissionServiceStub(channel).ListSubmissions(
            pb.ListSubmissionsRequest(), metadata=_metadata(edge)
        )
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "Ask for less" in caught.value.details()


def test_a_request_that_is_too_large_is_refused(edge, channel, http):
    name = "submissions/" + "a" * 3_000_000
    with pytest.raises(grpc.RpcError) as caught:
        pb_grpc.SubmissionServiceStub(channel).GetSubmission(
            pb.GetSubmissionRequest(name=name), metadata=_metadata(edge)
        )
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    answer = http.post("/v1/uploads", json={"request_id": name}, headers=edge.bearer())
    assert answer.status_code == 413
    assert answer.json()["details"][0]["reason"] == "TOO_LARGE"


def test_the_access_log_names_who_and_never_the_token(edge, http):
    token = edge.token()
    http.get("/v1/submissions/logged?x=hidden-word", headers={"authorization": f"Bearer {token}"})
    http.get("/v1/submissions/logged", headers={"authorization": f"Bearer {token}"})
    deadline = time.monotonic() + 30
    lines = []
    while len(lines) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        lines = [line for line in edge.gateway.log_lines() if line["path"] == "/v1/submissions/logged"]
    refused, passed = lines
    assert (refused["http_status"], refused["upstream"]) == (400, None)
    assert (passed["sub"], passed["username"], passed["http_status"]) == ("s-1", "kontributor-pusat", 200)
    assert passed["grpc_path"] == "/lumbung.ingest.v1.SubmissionService/GetSubmission"
    text = edge.gateway.access_log.read_text()
    assert token not in text
    assert "hidden-word" not in text


def test_a_trace_goes_to_the_collector_when_the_caller_asks_and_not_otherwise(edge, http):
    asked, other = "c" * 32, "d" * 32
    for trace, flag in ((asked, "01"), (other, "00")):
        http.get(
            "/v1/submissions/a", headers=edge.bearer() | {"traceparent": f"00-{trace}-{'b' * 16}-{flag}"}
        )
    deadline = time.monotonic() + 30
    while asked not in edge.reached.spans and time.monotonic() < deadline:
        time.sleep(0.1)
    assert asked in edge.reached.spans
    assert other not in edge.reached.spans
