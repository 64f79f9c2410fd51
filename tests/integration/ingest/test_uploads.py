"""Chunks, interruptions, several writers, and who may do what."""

import asyncio

import google_crc32c
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lumbung.ingest.v1 import upload_service_pb2 as pb
from lumbung.ingest.v1 import upload_service_pb2_grpc

from .conftest import declaration

CONTENT = b"Kode;Tahun;Anggaran\n" + b"".join(b"%d;2017;1\n" % code for code in range(1000, 5000))


def reason(error: grpc.RpcError) -> str:
    for detail in rpc_status.from_call(error).details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            return info.reason
    return ""


def metadata_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    info = error_details_pb2.ErrorInfo()
    next(d for d in rpc_status.from_call(error).details if d.Is(info.DESCRIPTOR)).Unpack(info)
    return dict(info.metadata)


def write_blocking(target: str, metadata, name: str, content: bytes, chunk: int = 10_000) -> None:
    chunks = (
        pb.WriteUploadRequest(name=name, offset=at, data=data, crc32c=google_crc32c.value(data))
        for at in range(0, len(content), chunk)
        for data in [content[at : at + chunk]]
    )
    with grpc.insecure_channel(target) as channel:
        upload_service_pb2_grpc.UploadServiceStub(channel).WriteUpload(chunks, metadata=metadata)


@pytest.fixture
def client(service, catalog):
    catalog.declarations["up"] = declaration("up")
    return service.client()


async def test_an_interrupted_upload_goes_on_where_it_stopped(client):
    upload = await client.create("up", len(CONTENT))

    async def breaks_off():
        for at in (0, 10_000):
            data = CONTENT[at : at + 10_000]
            yield pb.WriteUploadRequest(
                name=upload.name, offset=at, data=data, crc32c=google_crc32c.value(data)
            )
        await asyncio.sleep(60)

    call = client.uploads.WriteUpload(breaks_off(), metadata=client.metadata)
    stored = 0
    while stored < 20_000:
        request = pb.GetUploadRequest(name=upload.name)
        stored = (await client.uploads.GetUpload(request, metadata=client.metadata)).committed_bytes
        await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.finish(upload.name, CONTENT)
    assert reason(caught.value) == "UPLOAD_INCOMPLETE"
    assert metadata_of(caught.value)["expected_offset"] == "20000"
    answer = await client.write(upload.name, CONTENT[20_000:], offset=20_000)
    assert answer.committed_bytes == len(CONTENT)
    first = await client.finish(upload.name, CONTENT)
    again = await client.finish(upload.name, CONTENT)
    assert first.name == again.name
    done = await client.wait(first.name)
    assert (done.rows_read, done.rows_good) == (4000, 4000)


async def test_chunks_have_to_come_in_order_and_whole(client):
    upload = await client.create("up", 100)
    cases = [
        ({"offset": 50, "data": b"x" * 10}, "OFFSET_MISMATCH", "0"),
        ({"offset": 0, "data": b""}, "FIELD_MISSING", None),
        ({"offset": 0, "data": b"x" * 10, "crc32c": 1}, "CHECKSUM_MISMATCH", None),
        ({"offset": 0, "data": b"x" * 101}, "BEYOND_SIZE", "0"),
        ({"offset": 0, "data": b"x" * (4 * 2**20 + 1)}, "BAD_CHUNK", None),
        ({"offset": -1, "data": b"x"}, "OFFSET_MISMATCH", "0"),
    ]
    for fields, wanted, expected in cases:
        request = pb.WriteUploadRequest(
            **({"name": upload.name, "crc32c": google_crc32c.value(fields["data"])} | fields)
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.uploads.WriteUpload(iter([request]), metadata=client.metadata)
        assert reason(caught.value) == wanted, fields
        if expected is not None:
            assert metadata_of(caught.value)["expected_offset"] == expected
    request = pb.GetUploadRequest(name=upload.name)
    assert (await client.uploads.GetUpload(request, metadata=client.metadata)).committed_bytes == 0


async def test_a_chunk_sent_twice_is_passed_over_and_another_is_not(client):
    upload = await client.create("up", 30)
    await client.write(upload.name, b"a" * 20, chunk=10)
    assert (await client.write(upload.name, b"a" * 10, offset=0)).committed_bytes == 20
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.write(upload.name, b"b" * 10, offset=0)
    assert reason(caught.value) == "OFFSET_MISMATCH"
    await client.write(upload.name, b"a" * 10, offset=20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.finish(upload.name, b"b" * 30)
    assert reason(caught.value) == "CHECKSUM_MISMATCH"


async def test_two_writers_of_one_upload(client, service):
    """Whatever their order: the stored file is whole, and whoever was late is told so.

    The writers are gRPC's blocking client: its asyncio one puts an INTERNAL of its own in the place of
    the server's status when a write meets a call that the server has just ended.
    """
    target = f"127.0.0.1:{service.settings.listen.port}"
    for _round in range(5):
        upload = await client.create("up", 400_000)
        one, other = b"a" * 400_000, b"b" * 400_000
        answers = await asyncio.gather(
            *(
                asyncio.to_thread(write_blocking, target, client.metadata, upload.name, content)
                for content in (one, other)
            ),
            return_exceptions=True,
        )
        lost = [answer for answer in answers if isinstance(answer, grpc.RpcError)]
        assert lost
        assert {reason(error) for error in lost} <= {"UPLOAD_CONTENDED", "OFFSET_MISMATCH"}
        stored = await client.uploads.GetUpload(
            pb.GetUploadRequest(name=upload.name), metadata=client.metadata
        )
        if len(lost) == 1:
            assert stored.committed_bytes == 400_000
            with pytest.raises(grpc.aio.AioRpcError):
                await client.finish(upload.name, one[:200_000] + other[200_000:] + b"x")


async def test_two_uploads_at_once(client, service):
    contents = [
        b"Kode;Tahun;Anggaran\n" + b"".join(b"%d;%d;1\n" % (code, year) for code in range(1000, 3000))
        for year in (2001, 2002)
    ]
    done = await asyncio.gather(*(client.send("up", content) for content in contents))
    assert [answer.rows_good for answer in done] == [2000, 2000]
    assert done[0].snapshot != done[1].snapshot


async def test_a_request_id_gives_one_upload(client, service):
    first, again = [await client.create("up", 10, request_id="r-1") for _ in range(2)]
    assert first.name == again.name
    other = await service.client("span").create("up", 10, request_id="r-1")
    assert other.name != first.name
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.create("up", 11, request_id="r-1")
    assert reason(caught.value) == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("dataset", "size", "wanted"),
    [
        ("up", 0, "FILE_EMPTY"),
        ("up", -5, "FILE_EMPTY"),
        ("up", 10**13, "FILE_TOO_LARGE"),
        ("unknown", 10, "WRITING_DENIED"),
        ("secret", 10, "WRITING_DENIED"),
        ("UP", 10, "NAME_MALFORMED"),
        ("derived", 10, "DATASET_NOT_UPLOADABLE"),
    ],
)
async def test_uploads_that_are_not_opened(client, catalog, dataset, size, wanted):
    catalog.declarations["derived"] = (
        declaration("derived")
        .replace('  format: {type: csv, delimiter: ";"}\n', "")
        .replace("  publish: {mode: append}\n", "")
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.create(dataset, size)
    assert reason(caught.value) == wanted


async def test_who_may_not_write_learns_nothing(service, catalog):
    catalog.declarations["up"] = declaration("up")
    catalog.writers = {"kontributor-pusat"}
    outsider = service.client("lain")
    answers = []
    for dataset in ("up", "nothing"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await outsider.create(dataset, 10)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        answers.append(caught.value.details().replace(dataset, "x"))
    assert answers[0] == answers[1]
    upload = await service.client().create("up", 10)
    for method, request in (
        ("GetUpload", pb.GetUploadRequest(name=upload.name)),
        ("FinishUpload", pb.FinishUploadRequest(name=upload.name, crc32c=1)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(outsider.uploads, method)(request, metadata=outsider.metadata)
        assert reason(caught.value) == "UPLOAD_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outsider.write(upload.name, b"0123456789")
    assert reason(caught.value) == "UPLOAD_NOT_FOUND"


async def test_roles_and_tokens(service, catalog):
    catalog.declarations["up"] = declaration("up")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.client("analis", "viewer").create("up", 10)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    client = service.client()
    client.token = "nonsense"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.create("up", 10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_expired_upload_takes_nothing_and_its_bytes_go(client, service, lake):
    upload = await client.create("up", 20)
    await client.write(upload.name, b"x" * 10)
    prefix = f"staging/{upload.name}/"
    assert len(lake.objects.list_prefix(prefix)) == 1
    service.sql(
        "UPDATE uploads SET expire_time = now() WHERE upload_id = %s RETURNING 1",
        [upload.name.partition("/")[2]],
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.write(upload.name, b"x" * 10, offset=10)
    assert reason(caught.value) == "UPLOAD_NOT_OPEN"
