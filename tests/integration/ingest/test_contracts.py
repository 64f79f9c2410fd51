"""A contract is drafted by the running service, from a stream, in a process of its own."""

import asyncio

import grpc
import pytest

from ingest_service.domain.contract import parse_declaration
from lumbung.ingest.v1 import contract_service_pb2 as pb
from lumbung.ingest.v1 import contract_service_pb2_grpc as pb_grpc

CONTENT = "Kode;Tanggal;Anggaran\n" + "".join(f"{n:04};01/02/2026;1.{n:03},50\n" for n in range(500))


async def propose(client, content, *, dataset="datasets/rancangan", cut=False, block=1000):
    data = content.encode() if isinstance(content, str) else content

    async def requests():
        for start in range(0, max(len(data), 1), block):
            yield pb.ProposeContractRequest(
                file_name="" if start else "berkas.csv",
                dataset="" if start else dataset,
                cut=cut and not start,
                data=data[start : start + block],
            )

    stub = pb_grpc.ContractServiceStub(client.channel)
    return await stub.ProposeContract(requests(), metadata=client.metadata)


async def test_a_draft_comes_back_with_its_doubts_in_the_callers_language(service):
    answer = await propose(service.client(language="id"), CONTENT)
    declaration = parse_declaration(answer.declaration)
    assert (declaration.name, declaration.owner) == ("rancangan", "kontributor-pusat")
    assert [column.type for column in declaration.contract.columns] == ["code", "date", "decimal(20,2)"]
    assert (answer.rows_read, answer.rows_bad) == (500, 0)
    doubt = next(doubt for doubt in answer.doubts if doubt.column == "tanggal")
    assert "membedakan hari dan bulan" in doubt.text
    assert f"# {doubt.text}" in answer.declaration


async def test_nothing_of_the_file_is_kept(service):
    await propose(service.client(), CONTENT)
    assert list(service.settings.validation.work_dir.iterdir()) == []
    assert service.sql("SELECT count(*) FROM uploads") == [(0,)]


async def test_a_file_that_is_too_large_is_refused(service):
    most, client = service.settings.proposals.max_bytes, service.client()
    block = b"a,b\n" * 2**18

    def send():
        with grpc.insecure_channel(f"127.0.0.1:{service.settings.listen.port}") as channel:
            requests = (
                pb.ProposeContractRequest(dataset="" if n else "datasets/rancangan", data=block)
                for n in range(most // len(block) + 1)
            )
            pb_grpc.ContractServiceStub(channel).ProposeContract(requests, metadata=client.metadata)

    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(send)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(most) in caught.value.details()


async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(service):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await propose(service.client(), b"PAR1 cut off")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "PAR1" in caught.value.details()


@pytest.mark.parametrize("dataset", ["", "datasets/Besar", "datasets/../x"])
async def test_a_name_that_no_dataset_can_have_is_refused(service, dataset):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await propose(service.client(), b"a,b\n1,2\n", dataset=dataset)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_who_only_reads_may_not_draft(service):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await propose(service.client("analis-pusat", "viewer"), CONTENT)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
