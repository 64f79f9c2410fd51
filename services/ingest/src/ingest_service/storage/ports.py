"""What the use cases need of storage; implementations bring their drivers."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest_service.domain.submission import RuleCount, Step, Submission, SubmissionState
from ingest_service.domain.upload import Chunk, StoredChunk, Upload
from servicekit.errors import Text
from servicekit.telemetry import QueueState

__all__ = ["ChunkStore", "Moved", "SubmissionChange", "SubmissionStore", "UploadStore"]


class UploadStore(ABC):
    """Uploads and the list of their chunks. What a method acknowledged is durable."""

    @abstractmethod
    async def create_upload(self, upload: Upload) -> Upload:
        """Keeps a new upload; with the request id of an earlier one of the same owner, gives back that one."""

    @abstractmethod
    async def get_upload(self, upload_id: str) -> Upload | None:
        """An upload, or None."""

    @abstractmethod
    async def count_open(self, owner: str) -> int:
        """Open uploads of an owner."""

    @abstractmethod
    async def append_chunk(self, upload_id: str, chunk: StoredChunk, crc32c: int) -> bool:
        """Adds a chunk of WriteUpload where the stored bytes end; `crc32c` is that of all bytes then.

        False when they no longer end there, or the upload is not open: another writer was first.
        """

    @abstractmethod
    async def find_chunk(self, upload_id: str, offset: int) -> StoredChunk | None:
        """The stored chunk that begins at an offset, or None."""

    @abstractmethod
    async def list_chunks(self, upload_id: str) -> Sequence[StoredChunk]:
        """All chunks in file order."""

    @abstractmethod
    async def finish_upload(self, upload: Upload, submission: Submission) -> Submission:
        """Closes an upload, keeps its submission and queues the work, all or nothing.

        Gives back the earlier submission when the upload was finished before.
        """

    @abstractmethod
    async def expire_uploads(self, now: datetime) -> Sequence[str]:
        """Cancels open uploads past their time; ids of those."""


@dataclass(frozen=True, slots=True)
class SubmissionChange:
    """New values of a submission; None leaves a value as it is."""

    state: SubmissionState | None = None
    message: Text | None = None
    sha256: str | None = None
    revision: int | None = None
    rows: tuple[int, int, int] | None = None
    snapshot_id: int | None = None
    control_totals: Mapping[str, str] | None = None
    rule_counts: Sequence[RuleCount] | None = None
    findings_kept: int | None = None
    same_as: str | None = None
    content_digest: str | None = None
    staged: str | None = None
    certifier: str | None = None
    mode: str | None = None
    replaced: Sequence[Sequence[str]] | None = None
    sequence: int | None = None
    revert_snapshot_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a step: the submission as it stands now; whether the step was done; an earlier one of its request id."""

    submission: Submission
    done: bool
    earlier: Step | None = None


class SubmissionStore(ABC):
    """Submissions. Every change of state leaves a step."""

    @abstractmethod
    async def get_submission(self, submission_id: str) -> Submission | None:
        """A submission, or None."""

    @abstractmethod
    async def list_submissions(
        self, *, owner: str | None, dataset: str | None, before: str | None, limit: int
    ) -> Sequence[Submission]:
        """Newest first, from the one after id `before`; `owner` None means of everybody."""

    @abstractmethod
    async def change_submission(self, submission_id: str, change: SubmissionChange) -> Submission:
        """Changes a submission that is not final; a final one stays as it is.

        One that waits for a person, or that a person has decided about, never goes back to VALIDATING or VALIDATED.
        """

    @abstractmethod
    async def move_submission(
        self,
        submission_id: str,
        step: Step,
        change: SubmissionChange,
        allowed: AbstractSet[SubmissionState],
        *,
        queued: bool,
    ) -> Moved:
        """Does a person's step, if the submission stands in one of the `allowed` states, and queues the work that follows.

        CertifySubmission, RejectSubmission, WithdrawSubmission and RevertSubmission are such steps.
        """

    @abstractmethod
    async def list_steps(self, submission_id: str, after: int, limit: int) -> Sequence[Step]:
        """Steps from a position on, oldest first."""

    @abstractmethod
    async def conclude_publication(self, submission_id: str, change: SubmissionChange) -> Submission:
        """Ends a publication: those that it replaced whole are superseded, or it is by one that came after it.

        `change` brings snapshot, sequence, mode and replaced values.
        """

    @abstractmethod
    async def conclude_revert(self, submission_id: str, change: SubmissionChange) -> Submission:
        """Ends a revert: what the submission had superseded is published again; its duplicates are reverted with it."""

    @abstractmethod
    async def list_corrections(self, submission_id: str) -> Sequence[Submission]:
        """Submissions that mend bad rows of this one, oldest first."""

    @abstractmethod
    async def claim_rows(self, correction: Submission, rows: Sequence[int]) -> Sequence[int]:
        """Claims rows of the corrected submission, all or none; those that another correction has."""

    @abstractmethod
    async def mended_rows(self, submission_id: str, *, but: str = "") -> AbstractSet[int]:
        """Rows of a submission that corrections (but this one) have claimed and not given up."""

    @abstractmethod
    async def find_published(self, dataset: str, sha256: str, revision: int) -> Submission | None:
        """The latest published submission of this content under this contract, or None."""

    @abstractmethod
    async def queue_state(self) -> QueueState:
        """How many submissions wait and are worked on, and since when the oldest waits."""

    @abstractmethod
    async def claim_content(self, submission: Submission) -> str:
        """Claims the right to publish this content; the id of the submission that has it.

        A claim of a submission that failed, was rejected, withdrawn or reverted passes on.
        """


class ChunkStore(ABC):
    """Bytes of uploads, and findings kept with submissions."""

    @abstractmethod
    async def put_chunk(self, upload_id: str, chunk: Chunk) -> StoredChunk:
        """Stores a chunk of WriteUpload under a key of its own; nobody else's chunk is overwritten."""

    @abstractmethod
    async def assemble(self, chunks: Sequence[StoredChunk], path: Path) -> str:
        """Writes the file from its chunks in bounded memory; its SHA-256 in hexadecimal digits."""

    @abstractmethod
    async def delete_chunks(self, upload_id: str) -> None:
        """Removes all chunks of an upload."""

    @abstractmethod
    async def put_findings(self, submission_id: str, path: Path) -> None:
        """Keeps a submission's findings (a Parquet file)."""

    @abstractmethod
    def list_findings(self, submission_id: str, start: int, limit: int) -> AsyncIterator[Mapping[str, Any]]:
        """Kept findings from a position on; none when nothing is kept."""
