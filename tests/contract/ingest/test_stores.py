"""What every store of uploads and submissions promises."""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from ingest_service.domain.names import new_id
from ingest_service.domain.submission import (
    RuleCount,
    Severity,
    Step,
    StepAction,
    Submission,
    SubmissionState,
)
from ingest_service.domain.upload import StoredChunk, Upload, UploadState
from ingest_service.storage.ports import SubmissionChange
from ingest_service.storage.postgres_submissions import PostgresSubmissionStore
from ingest_service.storage.postgres_uploads import PostgresUploadStore
from servicekit.errors import Text
from servicekit.postgres import migrate, open_pool
from servicekit.settings import PostgresSettings

from support.ingest_stores import MemorySubmissionStore, MemoryUploadStore

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(postgres_server):
    made = postgres_server.create_database("stores")
    settings = PostgresSettings(
        host=made.host, port=made.port, database=made.database, user=made.user, password=made.password
    )
    migrate(settings, files("ingest_service.storage") / "migrations")
    return settings


@pytest.fixture(params=["memory", "postgres"])
async def stores(request):
    """A store of uploads, one of submissions, and the list of queued work."""
    if request.param == "memory":
        submissions = MemorySubmissionStore()
        uploads = MemoryUploadStore(submissions)
        yield uploads, submissions, uploads.queued
        return
    queued = []

    async def enqueue(_connection, submission_id):
        queued.append(submission_id)

    pool = await open_pool(request.getfixturevalue("database"))
    yield PostgresUploadStore(pool, enqueue), PostgresSubmissionStore(pool, enqueue), queued
    await pool.close()


def _upload(**changes) -> Upload:
    values = {
        "upload_id": new_id(),
        "dataset": "d",
        "file_name": "f.csv",
        "size_bytes": 30,
        "owner": new_id(),
        "owner_name": "o",
        "request_id": None,
        "state": UploadState.OPEN,
        "committed_bytes": 0,
        "crc32c": 0,
        "create_time": NOW,
        "expire_time": NOW + timedelta(hours=1),
    }
    return Upload(**(values | changes))


def _submission(upload: Upload, **changes) -> Submission:
    values = {
        "submission_id": new_id(),
        "upload_id": upload.upload_id,
        "dataset": upload.dataset,
        "file_name": upload.file_name,
        "size_bytes": upload.size_bytes,
        "owner": upload.owner,
        "submitter": "o",
        "state": SubmissionState.PENDING,
        "message": Text(en="a", id="b"),
        "create_time": NOW,
        "update_time": NOW,
        "trace": {"traceparent": "x"},
    }
    return Submission(**(values | changes))


async def _finished(stores, **changes) -> Submission:
    uploads, _submissions, _queued = stores
    upload = await uploads.create_upload(_upload(**changes))
    return await uploads.finish_upload(upload, _submission(upload))


async def test_an_upload_comes_back(stores):
    uploads, _submissions, _queued = stores
    upload = _upload(request_id="r")
    assert await uploads.create_upload(upload) == upload
    assert await uploads.get_upload(upload.upload_id) == upload
    assert await uploads.get_upload(new_id()) is None
    assert await uploads.count_open(upload.owner) == 1
    again = await uploads.create_upload(_upload(request_id="r", owner=upload.owner))
    assert again == upload
    other = await uploads.create_upload(_upload(request_id="r"))
    assert other.upload_id != upload.upload_id
    without = [await uploads.create_upload(_upload(owner=upload.owner)) for _ in range(2)]
    assert without[0].upload_id != without[1].upload_id


async def test_chunks_are_appended_where_the_bytes_end(stores):
    uploads, _submissions, _queued = stores
    upload = await uploads.create_upload(_upload())
    first, second = StoredChunk(0, 10, 1, "k0"), StoredChunk(10, 20, 2**32 - 1, "k1")
    assert not await uploads.append_chunk(upload.upload_id, second, 5)
    assert await uploads.append_chunk(upload.upload_id, first, 7)
    assert not await uploads.append_chunk(upload.upload_id, StoredChunk(0, 10, 9, "other"), 5)
    assert await uploads.append_chunk(upload.upload_id, second, 2**32 - 2)
    assert await uploads.list_chunks(upload.upload_id) == [first, second]
    assert await uploads.find_chunk(upload.upload_id, 10) == second
    assert await uploads.find_chunk(upload.upload_id, 11) is None
    stored = await uploads.get_upload(upload.upload_id)
    assert (stored.committed_bytes, stored.crc32c) == (30, 2**32 - 2)


async def test_of_racing_writers_one_wins(stores):
    uploads, _submissions, _queued = stores
    upload = await uploads.create_upload(_upload())
    won = await asyncio.gather(
        *(uploads.append_chunk(upload.upload_id, StoredChunk(0, 10, n, f"k{n}"), n) for n in range(6))
    )
    assert sum(won) == 1
    assert (await uploads.list_chunks(upload.upload_id))[0].crc32c == won.index(True)


async def test_an_upload_is_finished_once(stores):
    uploads, submissions, queued = stores
    upload = await uploads.create_upload(_upload())
    made = await asyncio.gather(*(uploads.finish_upload(upload, _submission(upload)) for _ in range(4)))
    assert len({submission.submission_id for submission in made}) == 1
    assert [item for item in queued if item == made[0].submission_id] == [made[0].submission_id]
    stored = await uploads.get_upload(upload.upload_id)
    assert (stored.state, stored.submission_id) == (UploadState.FINISHED, made[0].submission_id)
    assert await submissions.get_submission(made[0].submission_id) == made[0]
    assert not await uploads.append_chunk(upload.upload_id, StoredChunk(0, 10, 1, "k"), 1)


async def test_old_uploads_expire(stores):
    uploads, _submissions, _queued = stores
    old = await uploads.create_upload(_upload(expire_time=NOW))
    young = await uploads.create_upload(_upload())
    expired = await uploads.expire_uploads(NOW)
    assert old.upload_id in expired
    assert young.upload_id not in expired
    assert (await uploads.get_upload(old.upload_id)).state is UploadState.CANCELLED
    assert old.upload_id not in await uploads.expire_uploads(NOW)


async def test_a_submission_changes_until_it_is_final(stores):
    _uploads, submissions, _queued = stores
    made = await _finished(stores)
    change = SubmissionChange(
        state=SubmissionState.PUBLISHED,
        message=Text(en="done", id="selesai"),
        sha256="ab",
        revision=3,
        rows=(3, 2, 1),
        snapshot_id=2**62,
        control_totals={"a/2010": "1.50"},
        rule_counts=[RuleCount("r", Severity.WARNING, 2)],
        findings_kept=2,
    )
    changed = await submissions.change_submission(made.submission_id, change)
    assert (changed.rows_read, changed.rows_good, changed.rows_bad) == (3, 2, 1)
    assert changed.control_totals == {"a/2010": "1.50"}
    assert changed.rule_counts == (RuleCount("r", Severity.WARNING, 2),)
    assert changed.update_time > made.update_time
    after = await submissions.change_submission(
        made.submission_id, SubmissionChange(state=SubmissionState.FAILED)
    )
    assert after == changed == await submissions.get_submission(made.submission_id)
    assert await submissions.find_published("d", "ab", 3) is not None
    assert await submissions.find_published("d", "ab", 4) is None


async def test_submissions_are_listed_newest_first(stores):
    _uploads, submissions, _queued = stores
    owner = new_id()
    made = []
    for dataset in ("d", "e", "d"):
        made.append((await _finished(stores, owner=owner, dataset=dataset)).submission_id)
        await asyncio.sleep(0.002)

    async def listed(**asked):
        defaults = {"owner": owner, "dataset": None, "before": None, "limit": 10}
        return [row.submission_id for row in await submissions.list_submissions(**(defaults | asked))]

    assert await listed() == made[::-1]
    assert await listed(limit=1) == made[2:]
    assert await listed(before=made[2]) == made[1::-1]
    assert await listed(dataset="d") == [made[2], made[0]]
    assert set(await listed(owner=None, limit=1000)) >= set(made)


async def test_a_content_has_one_publisher(stores):
    _uploads, submissions, _queued = stores
    content = {"sha256": new_id(), "revision": 1}
    first, second = [await _finished(stores) for _ in range(2)]
    changed = [
        await submissions.change_submission(made.submission_id, SubmissionChange(**content))
        for made in (first, second)
    ]
    holders = await asyncio.gather(*(submissions.claim_content(made) for made in changed for _ in range(3)))
    assert len(set(holders)) == 1
    holder = next(made for made in changed if made.submission_id == holders[0])
    other = next(made for made in changed if made.submission_id != holders[0])
    failed = SubmissionChange(state=SubmissionState.FAILED)
    await submissions.change_submission(holder.submission_id, failed)
    assert await submissions.claim_content(other) == other.submission_id
    published = SubmissionChange(state=SubmissionState.PUBLISHED, snapshot_id=1)
    await submissions.change_submission(other.submission_id, published)
    assert await submissions.claim_content(holder) == other.submission_id


async def test_the_queue_counts_what_waits_and_runs(stores):
    uploads, submissions, _queued = stores
    before = await submissions.queue_state()
    made = []
    for _ in range(3):
        upload = await uploads.create_upload(_upload())
        created = datetime.now(UTC) - timedelta(days=400)
        made.append(await uploads.finish_upload(upload, _submission(upload, create_time=created)))
    await submissions.change_submission(
        made[0].submission_id, SubmissionChange(state=SubmissionState.VALIDATING)
    )
    await submissions.change_submission(made[1].submission_id, SubmissionChange(state=SubmissionState.FAILED))
    after = await submissions.queue_state()
    assert (after.waiting - before.waiting, after.running - before.running) == (1, 1)
    assert 400 * 86400 <= after.oldest_seconds < 400 * 86400 + 60


VALIDATED = frozenset({SubmissionState.VALIDATED})


def _certify(request_id="r") -> Step:
    return Step(
        StepAction.CERTIFY,
        SubmissionState.CERTIFIED,
        "subject",
        "pengesah",
        content_digest="d",
        request_id=request_id,
    )


async def test_a_persons_step_is_done_once_and_queues_the_work(stores):
    _uploads, submissions, queued = stores
    made = await _finished(stores)
    own = made.submission_id
    change = SubmissionChange(state=SubmissionState.CERTIFIED, certifier="pengesah")
    early = await submissions.move_submission(own, _certify(), change, VALIDATED, queued=True)
    assert (early.done, early.earlier, early.submission.state) == (False, None, SubmissionState.PENDING)
    waiting = SubmissionChange(state=SubmissionState.VALIDATED, content_digest="d", staged="folder")
    await submissions.change_submission(own, waiting)
    moved = await asyncio.gather(
        *(submissions.move_submission(own, _certify(), change, VALIDATED, queued=True) for _ in range(4))
    )
    assert [item.done for item in moved].count(True) == 1
    assert all(item.earlier is not None for item in moved if not item.done)
    assert queued.count(own) == 2  # to be validated, and to be published
    present = await submissions.get_submission(own)
    assert (present.state, present.certifier, present.content_digest, present.staged) == (
        SubmissionState.CERTIFIED,
        "pengesah",
        "d",
        "folder",
    )
    steps = await submissions.list_steps(own, 0, 10)
    assert [(step.action, step.state, step.actor_name) for step in steps] == [
        (StepAction.MOVE, SubmissionState.VALIDATED, ""),
        (StepAction.CERTIFY, SubmissionState.CERTIFIED, "pengesah"),
    ]
    assert all(step.create_time is not None for step in steps)
    assert await submissions.list_steps(own, 1, 1) == steps[1:]


async def test_who_was_slow_to_validate_takes_no_decision_back(stores):
    _uploads, submissions, _queued = stores
    own = (await _finished(stores)).submission_id
    await submissions.change_submission(own, SubmissionChange(state=SubmissionState.VALIDATING))
    await submissions.change_submission(own, SubmissionChange(state=SubmissionState.VALIDATED, staged="a"))
    again = SubmissionChange(state=SubmissionState.VALIDATED, staged="b", content_digest="other")
    assert (await submissions.change_submission(own, again)).staged == "a"
    change = SubmissionChange(state=SubmissionState.CERTIFIED, certifier="pengesah")
    assert (await submissions.move_submission(own, _certify(), change, VALIDATED, queued=True)).done
    for state in (SubmissionState.CERTIFIED, SubmissionState.PUBLISHING):
        present = await submissions.change_submission(own, SubmissionChange(state=state))
        slow = SubmissionChange(state=SubmissionState.VALIDATING, revision=7)
        assert await submissions.change_submission(own, slow) == present
    actions = [step.action for step in await submissions.list_steps(own, 0, 10)]
    assert actions.count(StepAction.MOVE) == 3


async def _published(stores, dataset, sequence, mode, replaced=()) -> Submission:
    _uploads, submissions, _queued = stores
    made = await _finished(stores, dataset=dataset)
    change = SubmissionChange(
        state=SubmissionState.PUBLISHED,
        snapshot_id=sequence,
        sequence=sequence,
        mode=mode,
        replaced=replaced,
    )
    return await submissions.conclude_publication(made.submission_id, change)


async def _states(stores, *made):
    _uploads, submissions, _queued = stores
    found = [await submissions.get_submission(item.submission_id) for item in made]
    return [(item.state.value, item.superseded_by) for item in found]


async def test_an_overwrite_supersedes_all_before_it(stores):
    dataset = f"o{new_id()}"
    first = await _published(stores, dataset, 1, "overwrite")
    third = await _published(stores, dataset, 3, "overwrite")
    # Committed before the third, concluded after it.
    second = await _published(stores, dataset, 2, "overwrite")
    other = await _published(stores, f"p{new_id()}", 1, "overwrite")
    newest = third.submission_id
    assert await _states(stores, first, second, third, other) == [
        ("superseded", newest),
        ("superseded", newest),
        ("published", None),
        ("published", None),
    ]
    _uploads, submissions, _queued = stores
    revert = Step(StepAction.REVERT, SubmissionState.REVERTING, "subject", "steward", reason="r")
    await submissions.move_submission(
        newest,
        revert,
        SubmissionChange(state=SubmissionState.REVERTING),
        frozenset({SubmissionState.PUBLISHED}),
        queued=True,
    )
    gone = SubmissionChange(state=SubmissionState.REVERTED, revert_snapshot_id=9)
    done = await submissions.conclude_revert(newest, gone)
    assert (done.state, done.revert_snapshot_id) == (SubmissionState.REVERTED, 9)
    assert await _states(stores, first, second) == [
        ("superseded", second.submission_id),
        ("published", None),
    ]


async def test_a_replace_supersedes_what_it_replaces_whole(stores):
    dataset = f"r{new_id()}"
    both = await _published(stores, dataset, 1, "replace", [("2016", "a"), ("2017", "a")])
    one = await _published(stores, dataset, 2, "replace", [("2016", "a")])
    turned = await _published(stores, dataset, 3, "replace", [("a", "2017")])
    newest = await _published(stores, dataset, 4, "replace", [("2017", "a"), ("2016", "a")])
    assert await _states(stores, both, one, turned, newest) == [
        ("superseded", newest.submission_id),
        ("superseded", newest.submission_id),
        ("published", None),
        ("published", None),
    ]


async def test_a_row_is_mended_once(stores):
    uploads, submissions, _queued = stores
    mended = await _finished(stores)
    made = []
    for _ in range(3):
        upload = await uploads.create_upload(_upload(correction_of=mended.submission_id))
        assert (await uploads.get_upload(upload.upload_id)).correction_of == mended.submission_id
        made.append(
            await uploads.finish_upload(upload, _submission(upload, correction_of=mended.submission_id))
        )
        await asyncio.sleep(0.002)
    first, second, third = made
    own = mended.submission_id
    assert [item.submission_id for item in await submissions.list_corrections(own)] == [
        item.submission_id for item in made
    ]
    assert await submissions.claim_rows(first, [1, 2, 3]) == []
    assert await submissions.claim_rows(first, [1, 2]) == []
    assert await submissions.mended_rows(own) == {1, 2}
    assert await submissions.mended_rows(own, but=first.submission_id) == set()
    # All or none.
    assert await submissions.claim_rows(second, [2, 3]) == [2]
    assert await submissions.mended_rows(own) == {1, 2}
    assert await submissions.claim_rows(third, [3]) == []
    await submissions.change_submission(first.submission_id, SubmissionChange(state=SubmissionState.REJECTED))
    assert await submissions.mended_rows(own) == {3}
    assert await submissions.claim_rows(second, [1, 2]) == []
    assert await submissions.mended_rows(own) == {1, 2, 3}
