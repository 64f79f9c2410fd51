"""Takes publications back."""

from collections.abc import Mapping, Sequence

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.contract import Declaration
from ingest_service.domain.submission import Submission, SubmissionState
from ingest_service.errors import RevertRefusedError
from ingest_service.service.outcomes import published_text_of
from ingest_service.storage.ports import SubmissionChange, SubmissionStore
from ingest_service.storage.publications import History, PublicationStore, revert_run
from ingest_service.storage.tables import table_schema
from servicekit.errors import Text
from servicekit.telemetry import current_trace_id, get_logger

__all__ = ["Reverting", "builders", "stands_alone"]

_log = get_logger(__name__)
_SHOWN = 5


def stands_alone(submission: Submission, later: Submission) -> bool:
    """Whether the rows of `later` have nothing to do with those of `submission`, which was published before it."""
    if later.correction_of == submission.submission_id or not submission.mode or not later.mode:
        return False
    if submission.replaced and later.replaced:
        # Both say which groups of rows they are about.
        return not set(submission.replaced) & set(later.replaced)
    return submission.mode == later.mode == "append"


async def builders(submission: Submission, history: History, submissions: SubmissionStore) -> Sequence[str]:
    """What was published after a submission and stands on it, newest first: ids of submissions or of other runs."""
    if submission.snapshot_id is None:
        return []
    found = []
    for run in history.after(submission.snapshot_id):
        later = await submissions.get_submission(run)
        if later is None or not stands_alone(submission, later):
            found.append(run)
    return found


class Reverting:
    """The work of a revert. It can be repeated at any point."""

    def __init__(
        self, submissions: SubmissionStore, publications: PublicationStore, catalog: Catalog
    ) -> None:
        self._submissions, self._publications, self._catalog = submissions, publications, catalog

    async def require_revertible(self, submission: Submission) -> None:
        """RevertRefusedError when later publications stand on this one; it names them."""
        history = await self._publications.history(submission.dataset)
        await self._require_nothing_on(submission, history)

    async def _require_nothing_on(self, submission: Submission, history: History) -> None:
        if later := await builders(submission, history, self._submissions):
            names = ", ".join(f"submissions/{run}" for run in later[:_SHOWN])
            more = f" (+{len(later) - _SHOWN})" if len(later) > _SHOWN else ""
            raise RevertRefusedError(
                Text(
                    en=f"Later publications stand on submissions/{submission.submission_id}: {names}{more}.",
                    id=f"Penerbitan sesudahnya bergantung pada submissions/{submission.submission_id}: {names}{more}.",
                ),
                Text(
                    en="Revert those first, the newest first, or send a corrected file.",
                    id="Batalkan penerbitan itu dahulu, mulai dari yang terbaru, atau kirim berkas yang sudah benar.",
                ),
                metadata={"submissions": names},
            )

    async def revert_submission(self, submission: Submission, declaration: Declaration) -> Submission:
        """Commits the dataset without the submission's rows and tells the catalog; RevertSubmission began it.

        When something was published on it meanwhile, it stays published and says so.
        """
        history = await self._publications.history(submission.dataset)
        run = revert_run(submission.submission_id)
        if history.commit_of(run) is None:
            try:
                await self._require_nothing_on(submission, history)
            except RevertRefusedError as error:
                _log.warning("revert refused", submission=submission.submission_id)
                return await self._stay(submission, error)
        made = await self._publications.revert_submission(
            submission, declaration, history, self._properties(submission)
        )
        await self._catalog.record_revert(
            submission.dataset,
            made.snapshot_id,
            rows=made.rows_total,
            submission_id=submission.submission_id,
            schema=table_schema(declaration),
        )
        return await self._submissions.conclude_revert(
            submission.submission_id,
            SubmissionChange(state=SubmissionState.REVERTED, revert_snapshot_id=made.snapshot_id),
        )

    async def stay_published(self, submission: Submission, cause: Text) -> Submission:
        """The revert came to nothing: its rows are still there, and it says why they are."""
        said = published_text_of(submission)
        return await self._submissions.change_submission(
            submission.submission_id,
            SubmissionChange(
                state=SubmissionState.PUBLISHED,
                message=Text(
                    en=f"{said.en} It was not reverted: {cause.en}",
                    id=f"{said.id} Tidak dibatalkan: {cause.id}",
                ),
            ),
        )

    async def _stay(self, submission: Submission, error: RevertRefusedError) -> Submission:
        return await self.stay_published(submission, Text(en=error.sentence("en"), id=error.sentence("id")))

    @staticmethod
    def _properties(submission: Submission) -> Mapping[str, str]:
        return {"reverts": submission.submission_id, "trace_id": current_trace_id()}
