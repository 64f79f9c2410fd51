"""Uploads that break, come in disorder, or come at the same time."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import google_crc32c
import grpc
import pytest

from lumbung.errors import ApiError
from lumbung.failures import api_error
from lumbung.ingest.v1 import upload_service_pb2 as pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as pb_grpc
from lumbung.ingest.v1.submission_service_pb2 import Submission

from support.bad_files import offices
from support.practice import CONTRIBUTOR, refusals

CONTENT = b"kode;nama;pagu\n0000001;A;1.000\n0000002;B;2.000\n"


class _PulledError(Exception):
    """Somebody pulled the cable."""


@pytest.fixture
def stub(loaded_stack):
    return pb_grpc.UploadServiceStub(loaded_stack.client(CONTRIBUTOR).channel)


def _open(stub, dataset):
    wanted = pb.Upload(dataset=f"datasets/{dataset}", file_name="offices.csv", size_bytes=len(CONTENT))
    return stub.CreateUpload(
        pb.CreateUploadRequest(upload=wanted, request_id=str(uuid.uuid4())), timeout=10
    ).name


def _chunk(name, offset, data, crc32c=None):
    checksum = google_crc32c.value(data) if crc32c is None else crc32c
    return pb.WriteUploadRequest(name=name, offset=offset, data=data, crc32c=checksum)


def _finish(name, data=CONTENT):
    return pb.FinishUploadRequest(name=name, crc32c=google_crc32c.value(data))


def test_chunks_in_disorder_are_refused_and_the_upload_goes_on(loaded_stack, practice, stub):
    name = _open(stub, practice.offices)
    wrong = {
        "gap": (_chunk(name, 10, CONTENT[10:]), "OFFSET_MISMATCH"),
        "broken": (_chunk(name, 0, CONTENT, crc32c=1), "CHECKSUM_MISMATCH"),
        "empty": (_chunk(name, 0, b""), "FIELD_MISSING"),
        "too-large": (_chunk(name, 0, b"x" * (4 * 1024**2 + 1)), "BAD_CHUNK"),
        "beyond": (_chunk(name, 0, CONTENT + b"more"), "BEYOND_SIZE"),
    }
    seen = {}
    for case, (chunk, _reason) in wrong.items():

        def write(client, chunk=chunk):
            try:
                pb_grpc.UploadServiceStub(client.channel).WriteUpload(iter([chunk]), timeout=20)
            except grpc.RpcError as error:
                raise api_error(error) from error

        seen[case] = refusals(loaded_stack, CONTRIBUTOR, write)["en"].reason
        assert stub.GetUpload(pb.GetUploadRequest(name=name), timeout=10).committed_bytes == 0
    assert seen == {case: reason for case, (_chunk, reason) in wrong.items()}

    def finish(client):
        try:
            pb_grpc.UploadServiceStub(client.channel).FinishUpload(_finish(name), timeout=20)
        except grpc.RpcError as error:
            raise api_error(error) from error

    assert refusals(loaded_stack, CONTRIBUTOR, finish)["en"].reason == "UPLOAD_INCOMPLETE"
    # Second half first, in one stream: refused, and the first half that came before it counts.
    with pytest.raises(grpc.RpcError):
        stub.WriteUpload(iter([_chunk(name, 0, CONTENT[:20]), _chunk(name, 30, CONTENT[30:])]), timeout=20)
    assert stub.GetUpload(pb.GetUploadRequest(name=name), timeout=10).committed_bytes == 20
    assert stub.WriteUpload(iter([_chunk(name, 20, CONTENT[20:])]), timeout=20).committed_bytes == len(
        CONTENT
    )
    submission = stub.FinishUpload(_finish(name), timeout=20)
    ended = loaded_stack.client(CONTRIBUTOR).uploads.wait(submission.name)
    assert (ended.state, ended.rows_good) == (Submission.STATE_PUBLISHED, 2)
    assert practice.rows(practice.offices) == 2


def test_a_wrong_checksum_of_the_whole_file_publishes_nothing(practice, stub):
    before = practice.snapshot(practice.offices)
    name = _open(stub, practice.offices)
    stub.WriteUpload(iter([_chunk(name, 0, CONTENT)]), timeout=20)
    with pytest.raises(grpc.RpcError) as caught:
        stub.FinishUpload(_finish(name, CONTENT + b"!"), timeout=20)
    assert api_error(caught.value).reason == "CHECKSUM_MISMATCH"
    assert practice.snapshot(practice.offices) == before


def test_somebody_elses_upload_is_not_there(loaded_stack, practice, stub):
    name = _open(stub, practice.offices)
    other = pb_grpc.UploadServiceStub(loaded_stack.client("span").channel)
    for attempt in (
        lambda: other.GetUpload(pb.GetUploadRequest(name=name), timeout=10),
        lambda: other.WriteUpload(iter([_chunk(name, 0, CONTENT)]), timeout=10),
        lambda: other.FinishUpload(_finish(name), timeout=10),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            attempt()
        assert api_error(caught.value).reason == "UPLOAD_NOT_FOUND"


def test_an_interrupted_upload_goes_on_by_its_request_id(loaded_stack, practice, stub, cli, tmp_path):
    rows = 250_000
    file = offices(tmp_path / "offices.csv", rows)
    size = file.stat().st_size
    request_id = str(uuid.uuid4())

    def reached():
        wanted = pb.Upload(dataset=f"datasets/{practice.offices}", file_name=file.name, size_bytes=size)
        request = pb.CreateUploadRequest(upload=wanted, request_id=request_id)
        return stub.CreateUpload(request, timeout=10).committed_bytes

    def pull(_sent, _total):
        deadline = time.monotonic() + 30
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.05)
        raise _PulledError

    with loaded_stack.new_client(CONTRIBUTOR) as client, pytest.raises(_PulledError):
        client.uploads.send(file, practice.offices, request_id=request_id, progress=pull)
    assert 0 < reached() < size
    done = cli(CONTRIBUTOR).ok("upload", file, "--dataset", practice.offices, "--request-id", request_id)
    assert (done["state"], int(done["rows_good"])) == ("PUBLISHED", rows)
    again = cli(CONTRIBUTOR).ok("upload", file, "--dataset", practice.offices, "--request-id", request_id)
    assert again["name"] == done["name"]
    assert practice.rows(practice.offices) == rows


def test_a_request_id_belongs_to_one_file(loaded_stack, practice, tmp_path):
    request_id = str(uuid.uuid4())
    uploads = loaded_stack.client(CONTRIBUTOR).uploads
    uploads.wait(uploads.send(offices(tmp_path / "a.csv", 2), practice.offices, request_id=request_id).name)
    other = offices(tmp_path / "b.csv", 3)
    errors = refusals(
        loaded_stack,
        CONTRIBUTOR,
        lambda client: client.uploads.send(other, practice.offices, request_id=request_id),
    )
    assert errors["en"].reason == "REQUEST_ID_REUSED"
    assert practice.rows(practice.offices) == 2


def test_two_at_once_are_published_one_after_the_other(loaded_stack, practice, tmp_path):
    before = practice.rows(practice.ledger)
    start = int(uuid.uuid4()) % 9_000_000
    files = [offices(tmp_path / f"{place}.csv", 500, first=start + place * 1000) for place in range(2)]
    together = threading.Barrier(2)

    def send(file):
        with loaded_stack.new_client(CONTRIBUTOR) as client:
            together.wait(10)
            return client.uploads.wait(client.uploads.send(file, practice.ledger).name)

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(send, files))
    assert [entry.state for entry in ended] == [Submission.STATE_PUBLISHED] * 2, [e.message for e in ended]
    assert len({entry.snapshot for entry in ended}) == 2
    assert practice.rows(practice.ledger) == before + 1000


def test_the_same_file_twice_at_once_is_published_once(loaded_stack, practice, tmp_path):
    before = practice.rows(practice.ledger)
    file = offices(tmp_path / "twice.csv", 400, first=int(uuid.uuid4()) % 9_000_000)
    together = threading.Barrier(2)

    def send(_place):
        with loaded_stack.new_client(CONTRIBUTOR) as client:
            together.wait(10)
            try:
                return client.uploads.wait(client.uploads.send(file, practice.ledger).name).state
            except ApiError as error:
                return error.reason

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(send, range(2)))
    assert Submission.STATE_PUBLISHED in ended, ended
    assert practice.rows(practice.ledger) == before + 400
