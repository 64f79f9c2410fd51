"""Validation reports and files of bad rows, to be downloaded."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.submission import Finding, Submission
from ingest_service.errors import CorrectionRefusedError
from ingest_service.reports.badrows import csv_pieces, header_of, values_of
from ingest_service.reports.html import html_report
from ingest_service.reports.jsonreport import json_report
from ingest_service.reports.workbook import ReportWorkbook, write_rows
from ingest_service.service.corrections import Corrections
from ingest_service.service.submissions import SubmissionService
from ingest_service.storage.tables import TableStore
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["Form", "ReportService"]

_PAGE = 10_000
_PIECE_BYTES = 256 * 1024


class Form(StrEnum):
    """Forms of a download."""

    HTML = "html"
    XLSX = "xlsx"
    JSON = "json"
    CSV = "csv"

    @property
    def content_type(self) -> str:
        """The media type."""
        return {
            Form.HTML: "text/html; charset=utf-8",
            Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Form.JSON: "application/json",
            Form.CSV: "text/csv; charset=utf-8",
        }[self]


class ReportService:
    """Writes downloads, through the same policy door as ListFindings."""

    def __init__(
        self,
        service: SubmissionService,
        catalog: Catalog,
        tables: TableStore,
        corrections: Corrections,
    ) -> None:
        self._service, self._catalog = service, catalog
        self._tables, self._corrections = tables, corrections

    async def download_report(
        self, principal: Principal, submission_id: str, form: Form
    ) -> AsyncIterator[bytes]:
        """The report in pieces. Errors as of `SubmissionService.list_findings`."""
        submission = await self._service.get_submission(principal, submission_id)
        # The first page comes before the first byte: who may not read it gets an error, not half a report.
        page, after = await self._service.list_findings(
            principal, submission_id, after=("kept", 0), limit=_PAGE
        )
        pages = self._pages(principal, submission_id, page, after)
        if form is Form.HTML:
            return html_report(submission, pages)
        if form is Form.JSON:
            return json_report(submission, pages)
        return self._workbook(submission, pages)

    async def _pages(
        self,
        principal: Principal,
        submission_id: str,
        page: Sequence[Finding],
        after: tuple[str, int] | None,
    ) -> AsyncIterator[Sequence[Finding]]:
        yield page
        while after is not None:
            page, after = await self._service.list_findings(
                principal, submission_id, after=after, limit=_PAGE
            )
            yield page

    @staticmethod
    async def _workbook(
        submission: Submission, pages: AsyncIterator[Sequence[Finding]]
    ) -> AsyncIterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="report-") as folder:
            path = Path(folder) / "report.xlsx"
            book = await asyncio.to_thread(ReportWorkbook, path, submission)
            async for page in pages:
                await asyncio.to_thread(book.add, page)
            await asyncio.to_thread(book.close)
            for piece in _pieces(path):
                yield piece

    async def download_bad_rows(
        self, principal: Principal, submission_id: str, form: Form | None, language: str
    ) -> tuple[Form, AsyncIterator[bytes]]:
        """The rows in quarantine that nobody has mended, in the contract's own form or the one asked for.

        Raises:
            SubmissionNotFoundError, ReadingDeniedError: as of `SubmissionService.list_findings`.
            CorrectionRefusedError: rows of this submission cannot be mended by themselves.
        """
        submission = await self._service.get_submission(principal, submission_id)
        decision = await self._service.require_findings(principal, submission)
        declaration, _revision = await self._catalog.get_declaration(submission.dataset)
        contract = declaration.contract
        self._corrections.require_mendable(submission, contract)
        numbers = await self._corrections.rows_left(submission)
        if not numbers:
            raise CorrectionRefusedError(
                Text(
                    en=f"All bad rows of submissions/{submission_id} are mended.",
                    id=f"Semua baris yang salah pada submissions/{submission_id} sudah diperbaiki.",
                ),
                Text(en="There is nothing left to do.", id="Tidak ada yang perlu dilakukan lagi."),
            )
        rows = await self._tables.download_bad_rows(submission.dataset, decision, submission_id, numbers)
        workbook = contract.format is not None and contract.format.type in {"xlsx", "workbook"}
        chosen = form or (Form.XLSX if workbook else Form.CSV)
        if chosen is Form.CSV:
            return chosen, _stream(csv_pieces(contract, rows, language))
        lines = [values_of(contract, row, language) for row in rows]
        return chosen, _sheet(header_of(contract), lines)


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _sheet(header: Sequence[str], lines: Sequence[Sequence[str]]) -> AsyncIterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="rows-") as folder:
        path = Path(folder) / "rows.xlsx"
        await asyncio.to_thread(write_rows, path, header, lines)
        for piece in _pieces(path):
            yield piece


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
