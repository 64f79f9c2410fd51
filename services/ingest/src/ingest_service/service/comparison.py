"""What a submission changes, for whoever certifies it or uses the figures."""

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.comparison import Comparison
from ingest_service.domain.submission import SubmissionState
from ingest_service.errors import ReadingDeniedError, SubmissionStateError
from ingest_service.service.submissions import SubmissionService
from ingest_service.storage.comparison import ComparisonStore
from ingest_service.storage.publications import PublicationStore
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["ComparisonService"]

_COMPARABLE = frozenset(
    {
        SubmissionState.VALIDATED,
        SubmissionState.PUBLISHED,
        SubmissionState.SUPERSEDED,
        SubmissionState.REVERTING,
        SubmissionState.REVERTED,
    }
)


class ComparisonService:
    """Compares a publication with the one before it, as far as the caller may read the dataset."""

    def __init__(
        self,
        service: SubmissionService,
        catalog: Catalog,
        publications: PublicationStore,
        comparisons: ComparisonStore,
    ) -> None:
        self._service, self._catalog = service, catalog
        self._publications, self._comparisons = publications, comparisons

    async def compare_submission(self, principal: Principal, submission_id: str, *, limit: int) -> Comparison:
        """The differences, at most `limit` rows one by one.

        Raises:
            SubmissionNotFoundError: there is none, or the caller may not know of it.
            ReadingDeniedError: the caller may not read the dataset.
            SubmissionStateError: it neither waits nor was published.
        """
        submission = await self._service.get_submission(principal, submission_id)
        readable = await self._catalog.decide_comparison(principal, submission.dataset)
        if not readable.decision.allowed:
            ask = readable.ask
            raise ReadingDeniedError(
                Text(
                    en=f"{principal.username} may not read datasets/{submission.dataset}.",
                    id=f"{principal.username} tidak berhak membaca datasets/{submission.dataset}.",
                ),
                Text(
                    en=f"Ask {ask or 'the steward'} for access.",
                    id=f"Mintalah akses kepada {ask or 'wali data'}.",
                ),
            )
        if submission.same_as is not None or submission.state not in _COMPARABLE:
            raise SubmissionStateError(
                Text(
                    en=f"submissions/{submission_id} is {submission.state.value} and changes nothing by itself.",
                    id=f"submissions/{submission_id} berstatus {submission.state.value} dan tidak mengubah apa pun.",
                ),
                Text(
                    en="Compare one that waits to be certified or that was published.",
                    id="Bandingkan kiriman yang menunggu pengesahan atau yang sudah diterbitkan.",
                ),
                metadata={"state": submission.state.value},
            )
        declaration, _revision = await self._catalog.get_declaration(submission.dataset)
        history = await self._publications.history(submission.dataset)
        return await self._comparisons.compare_submission(
            submission, declaration, readable.decision, history, limit
        )
