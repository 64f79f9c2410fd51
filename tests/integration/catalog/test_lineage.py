"""Lineage over the wire."""

import grpc
import pytest
import pytest_asyncio

from lumbung.catalog.v1 import lineage_service_pb2 as pb

FILE = "files/" + "a" * 64
MODEL = "models/next_year/versions/1"
EDGES = [
    (FILE, "datasets/apbd_panel", "submissions/s1", "panel.parquet"),
    ("datasets/apbd_panel", "datasets/apbd_by_province", "pipelines/p/runs/r", ""),
    ("datasets/apbd_national", "datasets/apbd_reconciliation", "pipelines/p/runs/r", ""),
    ("datasets/apbd_panel", "datasets/apbd_reconciliation", "pipelines/p/runs/r", ""),
    ("datasets/apbd_panel", MODEL, MODEL, ""),
]


async def _record(catalog):
    request = pb.RecordLineageRequest(
        edges=[
            pb.LineageEdge(source=source, target=target, process=process, source_label=label)
            for source, target, process, label in EDGES
        ]
    )
    await catalog.lineage.RecordLineage(request, metadata=catalog.by("svc-compute"))


async def _lineage(catalog, account, asset, depth=0):
    answer = await catalog.lineage.GetLineage(
        pb.GetLineageRequest(asset=asset, depth=depth), metadata=catalog.by(account)
    )
    return [(edge.source, edge.target) for edge in answer.edges], answer.hidden_assets


async def _code(catalog, account, asset):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _lineage(catalog, account, asset)
    return caught.value.code()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def recorded(shared_catalog):
    await _record(shared_catalog)
    await _record(shared_catalog)
    return shared_catalog


async def test_from_file_to_model(recorded):
    edges, hidden = await _lineage(recorded, "steward-pusat", FILE)
    assert set(edges) == {(source, target) for source, target, *_ in EDGES} - {
        ("datasets/apbd_national", "datasets/apbd_reconciliation")
    }
    assert hidden == 0


async def test_up_from_the_model(recorded):
    edges, _hidden = await _lineage(recorded, "steward-pusat", MODEL)
    assert edges == [("datasets/apbd_panel", MODEL), (FILE, "datasets/apbd_panel")]


async def test_depth_ends_the_walk(recorded):
    edges, _hidden = await _lineage(recorded, "steward-pusat", MODEL, depth=1)
    assert edges == [("datasets/apbd_panel", MODEL)]


async def test_hidden_assets_are_counted_and_not_passed(recorded):
    edges, hidden = await _lineage(recorded, "viewer-without-office", "datasets/apbd_reconciliation")
    assert edges == [("datasets/apbd_national", "datasets/apbd_reconciliation")]
    assert hidden == 1
    assert await _lineage(recorded, "viewer-without-office", MODEL) == ([], 1)


async def test_hidden_and_unknown_assets_are_told_alike(recorded):
    for asset in (
        "datasets/apbd_panel",
        "datasets/nothing",
        FILE,
        "files/" + "b" * 64,
        "models/x/versions/1",
    ):
        assert await _code(recorded, "viewer-without-office", asset) is grpc.StatusCode.NOT_FOUND


async def test_a_dataset_without_edges_has_an_empty_lineage(recorded):
    assert await _lineage(recorded, "steward-pusat", "datasets/province") == ([], 0)
