"""The client, blocking and awaited, against real stubs on loopback. Every test runs both ways."""

import inspect
import time

import pyarrow as pa
import pytest

import lumbung
from lumbung.models import Tensor


class _Both:
    """A client whose methods are called the same way, whether they block or are awaited."""

    def __init__(self, client):
        self.client = client

    async def __call__(self, path, *args, **kwargs):
        target = self.client
        for part in path.split("."):
            target = getattr(target, part)
        outcome = target(*args, **kwargs)
        if inspect.isawaitable(outcome):
            return await outcome
        if hasattr(outcome, "__aiter__"):
            return [entry async for entry in outcome]
        return list(outcome) if inspect.isgenerator(outcome) else outcome


@pytest.fixture(params=["blocking", "asyncio"])
async def ask(request, platform):
    if request.param == "blocking":
        with lumbung.connect() as client:
            yield _Both(client)
    else:
        async with lumbung.aio.connect() as client:
            yield _Both(client)


async def test_an_upload_arrives_whole_and_says_how_far_it_is(ask, platform, upload_file):
    seen = []
    submission = await ask(
        "uploads.send", upload_file, "apbd", progress=lambda done, total: seen.append((done, total))
    )
    size = upload_file.stat().st_size
    assert bytes(platform.services.stored) == upload_file.read_bytes()
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert submission.name == "submissions/s1"
    assert platform.services.calls["write"] == 1


async def test_an_upload_goes_on_after_a_dropped_connection(ask, platform, upload_file):
    platform.services.drop_after = 200_000
    await ask("uploads.send", upload_file, "apbd")
    assert bytes(platform.services.stored) == upload_file.read_bytes()
    assert platform.services.calls["write"] >= 2
    assert platform.services.calls["get_upload"] >= 1


async def test_an_upload_goes_on_after_a_wrong_offset(ask, platform, upload_file):
    platform.services.lie_once = 64 * 1024
    await ask("uploads.send", upload_file, "apbd")
    assert bytes(platform.services.stored) == upload_file.read_bytes()
    assert platform.services.calls["get_upload"] == 1


async def test_an_upload_goes_on_where_an_earlier_one_ended(ask, platform, upload_file):
    platform.services.stored += upload_file.read_bytes()[: 3 * 64 * 1024]
    await ask("uploads.send", upload_file, "apbd", request_id="r-1")
    assert bytes(platform.services.stored) == upload_file.read_bytes()
    assert platform.services.request_ids == ["r-1"]


async def test_finishing_is_tried_again(ask, platform, upload_file):
    platform.services.finish_fails = 2
    await ask("uploads.send", upload_file, "apbd")
    assert platform.services.calls["finish"] == 3


async def test_a_file_that_shrinks_is_told(ask, platform, upload_file):
    def shrink(_done, _total):
        upload_file.write_bytes(b"")

    with pytest.raises(lumbung.ApiError) as caught:
        await ask("uploads.send", upload_file, "apbd", progress=shrink)
    assert caught.value.reason == "FILE_CHANGED"
    assert platform.services.calls["finish"] == 0


async def test_a_file_that_is_not_there_is_told(ask, tmp_path):
    with pytest.raises(FileNotFoundError):
        await ask("uploads.send", tmp_path / "none", "apbd")


async def test_waiting_for_a_submission(ask):
    submission = await ask("uploads.wait", "submissions/s1")
    assert submission.state == submission.STATE_PUBLISHED
    begun = time.monotonic()
    with pytest.raises(lumbung.ApiError) as caught:
        await ask("uploads.wait", "submissions/slow", 0.5)
    assert caught.value.reason == "SUBMISSION_SLOW"
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("limit", "pages"), [(10, 1), (1500, 2), (100_000, 3)])
async def test_findings_come_page_by_page(ask, platform, limit, pages):
    found = await ask("uploads.findings", "submissions/s1", limit)
    assert [finding.row for finding in found] == list(range(min(limit, 2345)))
    assert platform.services.calls["list_findings"] == pages


async def test_a_list_without_a_limit_is_whole(ask):
    assert len(await ask("catalog.list_datasets")) == 2100


async def test_an_answer_is_put_together(ask, platform):
    platform.services.table = pa.table({"n": list(range(5000)), "t": ["é"] * 5000})
    result = await ask("queries.run", "SELECT 1")
    assert result.table.equals(platform.services.table)
    assert result.summary.tables[0].rows_withheld


async def test_an_answer_that_ends_early_is_no_result(ask, platform):
    platform.services.cut_answer = True
    with pytest.raises(lumbung.ApiError) as caught:
        await ask("queries.run", "SELECT 1")
    assert (caught.value.code, caught.value.reason) == ("DATA_LOSS", "ANSWER_CUT")


async def test_a_run_is_waited_for_through_an_outage(ask, platform):
    run = await ask("pipelines.run", "clean", request_id="r-7")
    platform.services.run_fails = 2
    seen = []
    ended = await ask("pipelines.wait", run.name, progress=seen.append)
    assert ended.state == ended.STATE_SUCCEEDED
    assert seen
    assert platform.services.request_ids == ["r-7"]
    assert [line.text for line in await ask("pipelines.log", run.name)] == ["line 0", "line 1", "line 2"]


async def test_a_model_is_sent_in_chunks(ask, platform):
    onnx = bytes(range(256)) * 10_000
    version = await ask("models.register", "forecast", onnx, metrics={"wape": 0.04}, request_id="r")
    head, chunks = platform.services.model
    assert b"".join(chunks) == onnx
    assert [len(chunk) for chunk in chunks] == [1024 * 1024, 1024 * 1024, len(onnx) - 2 * 1024 * 1024]
    assert (head.parent, head.request_id, dict(head.model_version.metrics)) == (
        "models/forecast",
        "r",
        {"wape": 0.04},
    )
    assert (await ask("models.deploy", version.name)).ready


async def test_a_prediction(ask):
    [output] = await ask("models.predict", "forecast", [Tensor("x", "FP64", (2, 2), [[1, 2], [3, 4]])])
    assert output == Tensor("y", "FP64", (2, 2), [2.0, 4.0, 6.0, 8.0])


async def test_an_error_brings_its_details(ask):
    with pytest.raises(lumbung.ApiError) as caught:
        await ask("catalog.get_dataset", "invalid_argument")
    error = caught.value
    assert (error.code, error.reason, error.field) == ("INVALID_ARGUMENT", "R_INVALID_ARGUMENT", "name")
    assert error.message == "invalid_argument in English."
    assert len(error.trace_id) == 32
    assert error.trace_id == ask.client.trace_id


async def test_nobody_is_told_to_sign_in(platform):
    with lumbung.connect(token="", language="id") as client, pytest.raises(lumbung.ApiError) as caught:
        client.catalog.get_dataset("a")
    assert caught.value.code == "UNAUTHENTICATED"
    assert "Masuk dengan `lumbung login`" in caught.value.message


async def test_the_language_goes_along_and_tells_outages_too(platform):
    async with lumbung.aio.connect(language="id") as client:
        with pytest.raises(lumbung.ApiError, match="dalam bahasa Indonesia"):
            await client.catalog.get_dataset("not_found")
    async with lumbung.aio.connect("127.0.0.1:1", language="id", token="") as client:
        with pytest.raises(lumbung.ApiError, match="Platform tidak menjawab") as caught:
            await client.catalog.get_dataset("a")
    assert caught.value.reason == "GATEWAY_UNAVAILABLE"
