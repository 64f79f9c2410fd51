"""Stores of ingest in memory; they pass the same contract tests as PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

from ingest_service.domain.submission import Step, StepAction, SubmissionState
from ingest_service.domain.upload import UploadState
from ingest_service.storage.ports import Moved, SubmissionStore, UploadStore
from servicekit.telemetry import QueueState

GONE = {
    SubmissionState.REJECTED,
    SubmissionState.FAILED,
    SubmissionState.REVERTED,
    SubmissionState.WITHDRAWN,
}

__all__ = ["MemorySubmissionStore", "MemoryUploadStore"]


class MemorySubmissionStore(SubmissionStore):
    """Submissions in a dictionary."""

    def __init__(self):
        self.rows = {}
        self.claims = {}
        self.steps = {}
        self.corrected = {}
        self.queued = []

    async def get_submission(self, submission_id):
        return self.rows.get(submission_id)

    async def list_submissions(self, *, owner, dataset, before, limit):
        found = [
            row
            for key, row in sorted(self.rows.items(), reverse=True)
            if (owner is None or row.owner == owner)
            and (dataset is None or row.dataset == dataset)
            and (before is None or key < before)
        ]
        return found[:limit]

    async def change_submission(self, submission_id, change):
        row = self.rows[submission_id]
        if row.state.is_final:
            return row
        decided = row.state.waits or row.certifier or row.state is SubmissionState.REVERTING
        if change.state in {SubmissionState.VALIDATING, SubmissionState.VALIDATED} and decided:
            return row
        if change.state is not None and change.state is not row.state:
            self._add_step(submission_id, Step(StepAction.MOVE, change.state))
        return self._write(submission_id, change)

    def _write(self, submission_id, change):
        row = self.rows[submission_id]
        values = {
            name: getattr(change, name)
            for name in change.__dataclass_fields__
            if getattr(change, name) is not None
        }
        if "rows" in values:
            values |= dict(zip(("rows_read", "rows_good", "rows_bad"), values.pop("rows"), strict=True))
        for name in ("rule_counts", "replaced"):
            if name in values:
                values[name] = tuple(values[name])
        self.rows[submission_id] = replace(row, update_time=datetime.now(UTC), **values)
        return self.rows[submission_id]

    def _add_step(self, submission_id, step):
        self.steps.setdefault(submission_id, []).append(replace(step, create_time=datetime.now(UTC)))

    async def move_submission(self, submission_id, step, change, allowed, *, queued):
        row = self.rows[submission_id]
        for earlier in self.steps.get(submission_id, []):
            if step.request_id is not None and earlier.request_id == step.request_id:
                return Moved(row, done=False, earlier=earlier)
        if row.state not in allowed:
            return Moved(row, done=False)
        self._add_step(submission_id, step)
        if queued:
            self.queued.append(submission_id)
        return Moved(self._write(submission_id, change), done=True)

    async def list_steps(self, submission_id, after, limit):
        return self.steps.get(submission_id, [])[after : after + limit]

    async def conclude_publication(self, submission_id, change):
        row = await self.change_submission(submission_id, change)
        for key, other in self.rows.items():
            if other.state is SubmissionState.PUBLISHED and _replaces(row, other):
                self._supersede(key, submission_id)
        self._look_for_newer(submission_id)
        return self.rows[submission_id]

    async def conclude_revert(self, submission_id, change):
        await self.change_submission(submission_id, change)
        for key, row in self.rows.items():
            if row.same_as == submission_id and row.state.is_published:
                self.rows[key] = replace(row, state=SubmissionState.REVERTED)
            elif row.superseded_by == submission_id:
                self.rows[key] = replace(row, state=SubmissionState.PUBLISHED, superseded_by=None)
                self._look_for_newer(key)
        return self.rows[submission_id]

    def _look_for_newer(self, submission_id):
        row = self.rows[submission_id]
        newer = [item for item in self.rows.values() if item.state.is_published and _replaces(item, row)]
        if newer:
            self._supersede(submission_id, min(newer, key=lambda item: item.sequence).submission_id)

    def _supersede(self, submission_id, by):
        self.rows[submission_id] = replace(
            self.rows[submission_id], state=SubmissionState.SUPERSEDED, superseded_by=by
        )

    async def list_corrections(self, submission_id):
        return [row for _key, row in sorted(self.rows.items()) if row.correction_of == submission_id]

    async def claim_rows(self, correction, rows):
        own = self.corrected.setdefault(correction.correction_of, {})
        kept = {
            row: key
            for row, key in own.items()
            if key != correction.submission_id and self.rows[key].state not in GONE
        }
        taken = sorted(row for row in rows if row in kept)
        if not taken:
            self.corrected[correction.correction_of] = kept | dict.fromkeys(rows, correction.submission_id)
        return taken

    async def mended_rows(self, submission_id, *, but=""):
        own = self.corrected.get(submission_id, {})
        return {row for row, key in own.items() if key != but and self.rows[key].state not in GONE}

    async def find_published(self, dataset, sha256, revision):
        found = [
            row
            for row in self.rows.values()
            if (row.dataset, row.sha256, row.revision) == (dataset, sha256, revision)
            and row.state.is_published
            and row.snapshot_id is not None
        ]
        return max(found, key=lambda row: row.update_time, default=None)

    async def queue_state(self):
        rows = [row for row in self.rows.values() if not (row.state.is_final or row.state.waits)]
        waiting = [row.create_time for row in rows if row.state is SubmissionState.PENDING]
        age = (datetime.now(UTC) - min(waiting)).total_seconds() if waiting else 0
        return QueueState(len(waiting), len(rows) - len(waiting), age)

    async def claim_content(self, submission):
        key = (submission.dataset, submission.sha256, submission.revision)
        holder = self.rows.get(self.claims.get(key))
        if holder is None or holder.state in GONE:
            self.claims[key] = submission.submission_id
        return self.claims[key]


def _replaces(newer, older):
    if older.sequence is None or newer.sequence is None or newer.dataset != older.dataset:
        return False
    if newer.sequence <= older.sequence:
        return False
    whole = newer.mode == "replace" and older.replaced and set(older.replaced) <= set(newer.replaced)
    return newer.mode == "overwrite" or bool(whole)


class MemoryUploadStore(UploadStore):
    """Uploads in a dictionary; `queued` are the submissions whose work was queued."""

    def __init__(self, submissions):
        self.submissions = submissions
        self.rows = {}
        self.chunks = {}
        self.queued = submissions.queued

    async def create_upload(self, upload):
        for row in self.rows.values():
            if upload.request_id is not None and (row.owner, row.request_id) == (
                upload.owner,
                upload.request_id,
            ):
                return row
        self.rows[upload.upload_id] = upload
        self.chunks[upload.upload_id] = {}
        return upload

    async def get_upload(self, upload_id):
        return self.rows.get(upload_id)

    async def count_open(self, owner):
        return sum(row.owner == owner and row.state is UploadState.OPEN for row in self.rows.values())

    async def append_chunk(self, upload_id, chunk, crc32c):
        row = self.rows[upload_id]
        if row.state is not UploadState.OPEN or row.committed_bytes != chunk.offset:
            return False
        self.chunks[upload_id][chunk.offset] = chunk
        self.rows[upload_id] = replace(row, committed_bytes=chunk.offset + chunk.size, crc32c=crc32c)
        return True

    async def find_chunk(self, upload_id, offset):
        return self.chunks[upload_id].get(offset)

    async def list_chunks(self, upload_id):
        return [chunk for _offset, chunk in sorted(self.chunks[upload_id].items())]

    async def finish_upload(self, upload, submission):
        row = self.rows[upload.upload_id]
        if row.state is UploadState.FINISHED:
            return self.submissions.rows[row.submission_id]
        self.submissions.rows[submission.submission_id] = submission
        self.rows[upload.upload_id] = replace(
            row, state=UploadState.FINISHED, submission_id=submission.submission_id
        )
        self.queued.append(submission.submission_id)
        return submission

    async def expire_uploads(self, now):
        old = [
            key for key, row in self.rows.items() if row.state is UploadState.OPEN and row.expire_time <= now
        ]
        for key in old:
            self.rows[key] = replace(self.rows[key], state=UploadState.CANCELLED)
        return old
