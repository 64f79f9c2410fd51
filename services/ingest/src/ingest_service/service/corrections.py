"""Files that mend only the bad rows of a submission."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest_service.domain.contract import Contract, Declaration
from ingest_service.domain.correction import MAX_ROWS, correction_contract, require_correctable
from ingest_service.domain.submission import Submission, SubmissionState
from ingest_service.engine.job import PartFile, Report
from ingest_service.errors import CorrectionRefusedError
from ingest_service.service.reverting import builders
from ingest_service.storage.ports import SubmissionStore
from ingest_service.storage.publications import PublicationStore
from ingest_service.storage.tables import TableStore
from lake import system_decision
from servicekit.errors import Text

__all__ = ["Corrections", "Mending"]

_SHOWN = 10
_MENDABLE = frozenset(
    {
        SubmissionState.VALIDATED,
        SubmissionState.CERTIFIED,
        SubmissionState.PUBLISHING,
        SubmissionState.PUBLISHED,
    }
)


@dataclass(frozen=True, slots=True)
class Mending:
    """How a correction is checked: its contract, and the rows that it may mend."""

    contract: Contract
    rows: tuple[int, ...]


class Corrections:
    """Says which rows may be mended, and sees to it that each is mended once and stands on what it mends."""

    def __init__(
        self, submissions: SubmissionStore, publications: PublicationStore, tables: TableStore
    ) -> None:
        self._submissions, self._publications, self._tables = submissions, publications, tables

    def require_mendable(self, submission: Submission, contract: Contract) -> None:
        """CorrectionRefusedError unless the bad rows of a submission can be mended by themselves."""
        if submission.correction_of is not None:
            original = f"submissions/{submission.correction_of}"
            raise _refused(
                f"It is a correction itself, of {original}.",
                f"Kiriman ini sendiri adalah perbaikan dari {original}.",
                f"Send the correction of {original}.",
                f"Kirim perbaikan untuk {original}.",
            )
        if submission.same_as is not None:
            original = f"submissions/{submission.same_as}"
            raise _refused(
                f"It is the same file as {original}.",
                f"Berkasnya sama dengan {original}.",
                f"Send the correction of {original}.",
                f"Kirim perbaikan untuk {original}.",
            )
        if submission.state not in _MENDABLE:
            raise _refused(
                f"submissions/{submission.submission_id} is {submission.state.value}.",
                f"submissions/{submission.submission_id} berstatus {submission.state.value}.",
                "Send the whole file instead.",
                "Kirim berkas lengkap.",
            )
        if not submission.rows_bad:
            raise _refused(
                f"submissions/{submission.submission_id} has no bad row.",
                f"submissions/{submission.submission_id} tidak mempunyai baris yang salah.",
                "There is nothing to mend.",
                "Tidak ada yang perlu diperbaiki.",
            )
        if submission.rows_bad > MAX_ROWS:
            raise _refused(
                f"submissions/{submission.submission_id} has {submission.rows_bad} bad rows; up to {MAX_ROWS} are mended by themselves.",
                f"submissions/{submission.submission_id} mempunyai {submission.rows_bad} baris yang salah; batas perbaikan {MAX_ROWS}.",
                "Send the whole file instead.",
                "Kirim berkas lengkap.",
            )
        require_correctable(contract)

    async def begin(self, correction: Submission, declaration: Declaration) -> Mending:
        """How to check a correction; CorrectionRefusedError when what it mends is no longer there to be mended."""
        mended = await self._mended(correction)
        self.require_mendable(mended, declaration.contract)
        left = await self.rows_left(mended, but=correction.submission_id)
        return Mending(correction_contract(declaration.contract), tuple(left))

    async def rows_left(self, submission: Submission, *, but: str = "") -> Sequence[int]:
        """Numbers of bad rows that no correction (but this one) has mended, in order."""
        decision = system_decision(f"quarantine.{submission.dataset}", run_id=but or submission.submission_id)
        bad = await self._tables.bad_row_numbers(submission.dataset, decision, submission.submission_id)
        gone = await self._submissions.mended_rows(submission.submission_id, but=but)
        return [row for row in bad if row not in gone]

    async def claim(self, correction: Submission, declaration: Declaration, report: Report) -> None:
        """Claims what a correction mends.

        Raises:
            CorrectionRefusedError: a row comes twice, another correction mends it, or its key is there already.
        """
        seen: set[int] = set()
        twice = sorted({row for row in report.mended if row in seen or seen.add(row)})  # type: ignore[func-returns-value]
        if twice:
            raise _refused(
                f"The rows {_some(twice)} come more than once.",
                f"Baris {_some(twice)} muncul lebih dari sekali.",
                "Keep each row once.",
                "Sisakan satu untuk tiap baris.",
            )
        taken = await self._submissions.claim_rows(correction, report.mended)
        if taken:
            raise _refused(
                f"Another correction mends the rows {_some(taken)}.",
                f"Baris {_some(taken)} sudah diperbaiki kiriman lain.",
                "Download the bad rows again to see what is left.",
                "Unduh lagi baris yang salah untuk melihat sisanya.",
            )
        mended = await self._mended(correction)
        if mended.state is SubmissionState.PUBLISHED:
            # Before that, the table holds what the mended file is going to replace.
            await self._require_new_keys(correction, mended, declaration, report.good)

    async def place(self, correction: Submission, declaration: Declaration, parts: Sequence[PartFile]) -> int:
        """The snapshot to which a correction's rows may be added now.

        Raises:
            CorrectionRefusedError: what it mends is not published, or something else was published over it.
        """
        mended = await self._mended(correction)
        history = await self._publications.history(correction.dataset)
        if mended.state is not SubmissionState.PUBLISHED:
            raise _refused(
                f"submissions/{mended.submission_id}, which it mends, is {mended.state.value}.",
                f"submissions/{mended.submission_id} yang diperbaiki berstatus {mended.state.value}.",
                "Certify that one first, or send the whole file.",
                "Sahkan kiriman itu dahulu, atau kirim berkas lengkap.",
            )
        for run in await builders(mended, history, self._submissions):
            later = await self._submissions.get_submission(run)
            if later is None or later.correction_of != mended.submission_id:
                raise _refused(
                    f"submissions/{run} was published over submissions/{mended.submission_id}.",
                    f"submissions/{run} sudah diterbitkan di atas submissions/{mended.submission_id}.",
                    "Send the whole file.",
                    "Kirim berkas lengkap.",
                )
        await self._require_new_keys(correction, mended, declaration, parts)
        return history.newest

    async def _require_new_keys(
        self,
        correction: Submission,
        mended: Submission,
        declaration: Declaration,
        parts: Sequence[PartFile],
    ) -> None:
        siblings = await self._submissions.list_corrections(mended.submission_id)
        origins = [mended.submission_id, *(item.submission_id for item in siblings)]
        known = await self._publications.known_keys(declaration, parts, correction, origins, _SHOWN)
        if known:
            raise _refused(
                f"Rows with these keys are published already: {'; '.join(known)}.",
                f"Baris dengan kunci ini sudah diterbitkan: {'; '.join(known)}.",
                "Leave them out, or correct the key.",
                "Hapus baris itu, atau perbaiki kuncinya.",
            )

    async def _mended(self, correction: Submission) -> Submission:
        found = await self._submissions.get_submission(correction.correction_of or "")
        if found is None:
            raise RuntimeError(f"{correction.submission_id} mends no submission")
        return found


def _some(rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:_SHOWN]))
    return f"{shown}, … ({len(rows)})" if len(rows) > _SHOWN else shown


def _refused(en: str, indonesian: str, remedy_en: str, remedy_id: str) -> CorrectionRefusedError:
    return CorrectionRefusedError(Text(en=en, id=indonesian), Text(en=remedy_en, id=remedy_id))
