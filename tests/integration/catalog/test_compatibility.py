"""What a declaration would break, over the wire: as far as the caller may know."""

from pathlib import Path

import grpc
import pytest

from lumbung.catalog.v1 import dataset_service_pb2 as pb
from lumbung.catalog.v1 import lineage_service_pb2 as lineage_pb

pytestmark = pytest.mark.asyncio(loop_scope="module")
PANEL = (Path(__file__).parents[3] / "treasury" / "datasets" / "apbd_panel.yaml").read_text()
RUN = "pipelines/p/runs/r"


async def check(catalog, account, declaration, language="en"):
    metadata = [
        *(pair for pair in catalog.by(account) if pair[0] != "accept-language"),
        ("accept-language", language),
    ]
    return await catalog.datasets.CheckDataset(
        pb.CheckDatasetRequest(declaration=declaration), metadata=metadata
    )


async def test_the_declaration_that_stands_changes_nothing(shared_catalog):
    answer = await check(shared_catalog, "steward-pusat", PANEL)
    assert (answer.dataset, answer.revision, list(answer.changes)) == ("datasets/apbd_panel", 1, [])


async def test_changes_and_what_is_made_of_the_dataset_are_told(shared_catalog):
    edges = [
        lineage_pb.LineageEdge(source=source, target=target, process=RUN)
        for source, target in (
            ("files/" + "b" * 64, "datasets/apbd_panel"),
            ("datasets/apbd_panel", "datasets/apbd_by_province"),
            ("datasets/apbd_by_province", "models/next_year/versions/1"),
        )
    ]
    await shared_catalog.lineage.RecordLineage(
        lineage_pb.RecordLineageRequest(edges=edges), metadata=shared_catalog.by("svc-compute")
    )
    changed = PANEL.replace("unit: IDR", "unit: juta IDR", 1).replace("pad: 2", "pad: 3", 1)
    answer = await check(shared_catalog, "steward-pusat", changed, "id")
    told = {change.path: (change.concern, change.text) for change in answer.changes}
    assert told["contract.columns.budget.unit"][0] == pb.DatasetChange.CONCERN_READERS
    assert "Satuan IDR menjadi juta IDR" in told["contract.columns.budget.unit"][1]
    assert told["contract.columns.province_code.pad"][0] == pb.DatasetChange.CONCERN_SENDERS
    assert list(answer.readers) == ["datasets/apbd_by_province", "models/next_year/versions/1", RUN]
    assert answer.hidden_readers == 0


async def test_a_dataset_that_the_caller_may_not_know_looks_new(shared_catalog):
    """Otherwise a declaration with its name would tell what its columns are."""
    hidden = PANEL.replace("name: apbd_panel", "name: region_code", 1)
    assert (await check(shared_catalog, "steward-pusat", hidden)).revision == 1
    answer = await check(shared_catalog, "kontributor-pusat", hidden)
    known = await shared_catalog.datasets.ListDatasets(
        pb.ListDatasetsRequest(), metadata=shared_catalog.by("kontributor-pusat")
    )
    may_know = "datasets/region_code" in [dataset.name for dataset in known.datasets]
    assert (answer.revision, bool(answer.changes)) == ((1, True) if may_know else (0, False))


async def test_a_wrong_declaration_is_refused_with_its_place(shared_catalog):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await check(shared_catalog, "steward-pusat", PANEL.replace("type: code", "type: float", 1))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "columns" in caught.value.details()


async def test_who_only_reads_may_not_ask(shared_catalog):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await check(shared_catalog, "analis-kanwil-32", PANEL)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
