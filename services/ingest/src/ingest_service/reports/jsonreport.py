"""The report as JSON, piece by piece."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ingest_service.domain.submission import Finding, Submission
from ingest_service.reports.summary import finding_record, submission_record

__all__ = ["json_report"]


async def json_report(
    submission: Submission, pages: AsyncIterator[Sequence[Finding]]
) -> AsyncIterator[bytes]:
    """`{"submission": …, "findings": […]}` in UTF-8."""
    yield b'{"submission": ' + _encoded(submission_record(submission)) + b',\n"findings": ['
    separator = b"\n"
    async for page in pages:
        if page:
            yield separator + b",\n".join(_encoded(finding_record(finding)) for finding in page)
            separator = b",\n"
    yield b"\n]}\n"


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
