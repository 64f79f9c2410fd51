"""Stores of ingest in memory; they pass the same contract tests as PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

from ingest_service.domain.submission import SubmissionState
from ingest_service.domain.upload import UploadState
from ingest_service.storage.ports import SubmissionStore, UploadStore
from servicekit.telemetry import QueueState

__all__ = ["MemorySubmissionStore", "MemoryUploadStore"]


class MemorySubmissionStore(SubmissionStore):
    """Submissions in a dictionary."""

    def __init__(self):
        self.rows = {}
        self.claims = {}

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
        values = {
            name: getattr(change, name)
            for name in change.__dataclass_fields__
            if getattr(change, name) is not None
        }
        if "rows" in values:
            values |= dict(zip(("rows_read", "rows_good", "rows_bad"), values.pop("rows"), strict=True))
        if "rule_counts" in values:
            values["rule_counts"] = tuple(values["rule_counts"])
        self.rows[submission_id] = replace(row, update_time=datetime.now(UTC), **values)
        return self.rows[submission_id]

    async def find_published(self, dataset, sha256, revision):
        found = [
            row
            for row in self.rows.values()
            if (row.dataset, row.sha256, row.revision) == (dataset, sha256, revision)
            and row.state is SubmissionState.PUBLISHED
            and row.snapshot_id is not None
        ]
        return max(found, key=lambda row: row.update_time, default=None)

    async def queue_state(self):
        rows = [row for row in self.rows.values() if not row.state.is_final]
        waiting = [row.create_time for row in rows if row.state is SubmissionState.PENDING]
        age = (datetime.now(UTC) - min(waiting)).total_seconds() if waiting else 0
        return QueueState(len(waiting), len(rows) - len(waiting), age)

    async def claim_content(self, submission):
        key = (submission.dataset, submission.sha256, submission.revision)
        holder = self.rows.get(self.claims.get(key))
        if holder is None or holder.state in {SubmissionState.REJECTED, SubmissionState.FAILED}:
            self.claims[key] = submission.submission_id
        return self.claims[key]


class MemoryUploadStore(UploadStore):
    """Uploads in a dictionary; `queued` are the submissions whose work was queued."""

    def __init__(self, submissions):
        self.submissions = submissions
        self.rows = {}
        self.chunks = {}
        self.queued = []

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
