"""Datasets over the wire: who sees what, revisions, snapshots, languages, paging."""

import grpc
import pytest
import yaml

from lumbung.catalog.v1 import dataset_service_pb2 as pb

from support.catalog_server import TREASURY


async def _list(catalog, account, **request):
    answer = await catalog.datasets.ListDatasets(
        pb.ListDatasetsRequest(**request), metadata=catalog.by(account)
    )
    return [dataset.name.removeprefix("datasets/") for dataset in answer.datasets], answer.next_page_token


async def _get(catalog, account, name, language="en"):
    return await catalog.datasets.GetDataset(
        pb.GetDatasetRequest(name=name), metadata=catalog.by(account, language)
    )


async def _refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def _snapshot(number, *, dataset="apbd_panel", rows=10, **more):
    columns = [pb.Column(name="year", type="int"), pb.Column(name="budget", type="decimal(20,0)")]
    return pb.RecordSnapshotRequest(
        snapshot=pb.Snapshot(
            name=f"datasets/{dataset}/snapshots/{number}",
            rows=rows,
            origin="submissions/s1",
            control_totals={"rows": str(rows), "revenue/2010": "12345678901234567890"},
        ),
        columns=columns,
        **more,
    )


async def test_each_caller_lists_what_policies_let_them_know(catalog):
    regional = [
        "apbd_by_province",
        "apbd_national",
        "apbd_panel",
        "apbd_reconciliation",
        "province",
        "region_code",
    ]
    # No policy lets a viewer know of these.
    closed = ["apbd_workbook", "dts_cash_lines", "village_fund"]
    assert (await _list(catalog, "steward-pusat"))[0] == sorted(regional + closed)
    assert (await _list(catalog, "analis-kanwil-32"))[0] == regional
    assert (await _list(catalog, "viewer-without-office"))[0] == [
        "apbd_national",
        "apbd_reconciliation",
        "province",
        "region_code",
    ]
    assert (await _list(catalog, "engineer-in-province"))[0] == []


async def test_pages_are_filtered_too(catalog):
    first, token = await _list(catalog, "viewer-without-office", page_size=2)
    second, end = await _list(catalog, "viewer-without-office", page_size=2, page_token=token)
    assert (first, second, end) == (
        ["apbd_national", "apbd_reconciliation"],
        ["province", "region_code"],
        "",
    )


async def test_a_bad_page_token_is_refused(catalog):
    error = await _refused(_list(catalog, "steward-pusat", page_token="?!"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_hidden_and_missing_are_told_alike(catalog):
    hidden = await _refused(_get(catalog, "viewer-without-office", "datasets/apbd_panel"))
    missing = await _refused(_get(catalog, "viewer-without-office", "datasets/apbd_other"))
    assert hidden.code() is missing.code() is grpc.StatusCode.NOT_FOUND
    assert hidden.details().replace("apbd_panel", "X") == missing.details().replace("apbd_other", "X")
    for parent in ("datasets/apbd_panel", "datasets/apbd_other"):
        request = pb.ListSnapshotsRequest(parent=parent)
        error = await _refused(
            catalog.datasets.ListSnapshots(request, metadata=catalog.by("viewer-without-office"))
        )
        assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_texts_come_in_the_callers_language(catalog):
    english = await _get(catalog, "steward-pusat", "datasets/province")
    indonesian = await _get(catalog, "steward-pusat", "datasets/province", "id-ID")
    assert (english.display_name, indonesian.display_name) == ("Provinces", "Provinsi")
    assert indonesian.columns[1].description == "Nama provinsi"


async def test_columns_are_the_stored_ones(catalog):
    panel = await _get(catalog, "steward-pusat", "datasets/apbd_panel")
    assert [column.name for column in panel.columns][-2:] == ["source_row", "submission"]
    assert {column.name for column in panel.columns if column.key} == {"region_code", "year", "account_code"}
    assert panel.owner == "steward-pusat"
    assert list(panel.tags) == ["intake", "regional", "apbd", "fiscal"]


async def test_only_a_real_change_counts(catalog):
    text = (TREASURY / "datasets" / "province.yaml").read_text()
    before = await _get(catalog, "steward-pusat", "datasets/province")
    again = await catalog.apply_dataset("# a comment\n" + text)
    document = yaml.safe_load(text)
    document["display_name"]["en"] = "All provinces"
    changed = await catalog.apply_dataset(yaml.safe_dump(document))
    assert (before.revision, again.revision, changed.revision) == (1, 1, 2)
    assert again.update_time == before.update_time
    assert changed.create_time == before.create_time
    assert changed.display_name == "All provinces"


async def test_an_engineer_declares_only_what_policies_open(catalog):
    text = (TREASURY / "datasets" / "apbd_panel.yaml").read_text()
    error = await _refused(catalog.apply_dataset(text, "engineer-in-province"))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await catalog.apply_dataset(text, "perekayasa-pusat")).revision == 1


async def test_a_broken_declaration_names_the_place(catalog):
    error = await _refused(catalog.apply_dataset("kind: Dataset\nname: Wrong Name\n"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "name" in error.details()
    missing = await _refused(_get(catalog, "steward-pusat", "datasets/Wrong Name"))
    assert missing.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_snapshot_is_recorded_once(catalog):
    service = catalog.by("svc-compute")
    first = await catalog.datasets.RecordSnapshot(_snapshot(7), metadata=service)
    again = await catalog.datasets.RecordSnapshot(_snapshot(7, rows=99), metadata=service)
    await catalog.datasets.RecordSnapshot(_snapshot(3, rows=20), metadata=service)
    assert again == first
    answer = await catalog.datasets.ListSnapshots(
        pb.ListSnapshotsRequest(parent="datasets/apbd_panel"), metadata=catalog.by("analis-kanwil-32")
    )
    assert [snapshot.name.rpartition("/")[2] for snapshot in answer.snapshots] == ["3", "7"]
    assert answer.snapshots[1].control_totals["revenue/2010"] == "12345678901234567890"
    panel = await _get(catalog, "analis-kanwil-32", "datasets/apbd_panel")
    assert panel.latest_snapshot.name.endswith("/3")
    assert panel.latest_snapshot.rows == 20


async def test_snapshots_come_in_pages(catalog):
    for number in range(5):
        await catalog.datasets.RecordSnapshot(_snapshot(number), metadata=catalog.by("svc-compute"))
    seen, token = [], ""
    while True:
        answer = await catalog.datasets.ListSnapshots(
            pb.ListSnapshotsRequest(parent="datasets/apbd_panel", page_size=2, page_token=token),
            metadata=catalog.by("steward-pusat"),
        )
        seen.append([int(snapshot.name.rpartition("/")[2]) for snapshot in answer.snapshots])
        token = answer.next_page_token
        if not token:
            break
    assert seen == [[4, 3], [2, 1], [0]]


async def test_a_pipeline_creates_a_dataset_that_nobody_declared(catalog):
    request = _snapshot(
        1, dataset="made_here", tags=["national"], description="Made by a pipeline", owner="o"
    )
    await catalog.datasets.RecordSnapshot(request, metadata=catalog.by("svc-compute"))
    made = await _get(catalog, "viewer-without-office", "datasets/made_here")
    assert [(column.name, column.type) for column in made.columns] == [
        ("year", "integer"),
        ("budget", "decimal(20,0)"),
    ]
    assert (made.owner, made.description, made.revision) == ("o", "Made by a pipeline", 1)


async def test_masks_hold_for_columns_that_only_the_table_has(catalog):
    request = _snapshot(1, dataset="apbd_by_province")
    request.columns.append(pb.Column(name="submission", type="text"))
    await catalog.datasets.RecordSnapshot(request, metadata=catalog.by("svc-compute"))
    (decision,) = await catalog.decide("analis-kanwil-32", "datasets/apbd_by_province")
    assert [(mask.column, mask.kind) for mask in decision.masks] == [("submission", "hash")]


async def test_nobody_but_a_service_records(catalog):
    error = await _refused(catalog.datasets.RecordSnapshot(_snapshot(1), metadata=catalog.by("admin-pusat")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_without_policies_nobody_sees_anything(empty_catalog):
    await empty_catalog.apply_dataset((TREASURY / "datasets" / "province.yaml").read_text())
    assert (await _list(empty_catalog, "steward-pusat"))[0] == []
    assert not (await empty_catalog.decide("svc-compute", "datasets/province"))[0].allowed
