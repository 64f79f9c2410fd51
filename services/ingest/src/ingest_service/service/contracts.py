"""Use case of contracts: a draft for a file that nobody has described yet."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from ingest_service.domain.proposal import Doubt, Proposal
from ingest_service.engine.job import ProposalJob, ValidationLimits
from ingest_service.errors import FileTooLargeError, FileUnreadableError
from ingest_service.executor.validator import Validator
from ingest_service.settings import ProposalSettings
from ingest_service.storage.workspace import Workspace
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["ContractService"]


class ContractService:
    """Drafts in a validating process, with the same limits as a validation; the file is gone afterwards."""

    def __init__(
        self,
        validator: Validator,
        workspace: Workspace,
        settings: ProposalSettings,
        limits: ValidationLimits,
    ) -> None:
        self._validator, self._workspace = validator, workspace
        self._settings, self._limits = settings, limits
        self._free = asyncio.Semaphore(settings.concurrency)

    async def propose_contract(
        self,
        principal: Principal,
        *,
        dataset: str,
        file_name: str,
        cut: bool,
        language: str,
        data: AsyncIterator[bytes],
    ) -> Proposal:
        """A declaration for the file whose bytes come in `data`.

        Raises:
            FileTooLargeError: more bytes come than a draft may take.
            FileUnreadableError: the file is refused as a whole, with the reason.
        """
        async with self._free:
            with self._workspace.folder(uuid4().hex) as folder:
                file = folder / "file"
                await self._keep(file, data)
                job = ProposalJob(
                    file=file,
                    file_name=file_name,
                    out=folder,
                    dataset=dataset,
                    owner=principal.username,
                    language="id" if language == "id" else "en",
                    cut=cut,
                    limits=self._limits,
                )
                report = await self._validator.propose(job)
        if report.fatal:
            first = report.fatal[0]
            raise FileUnreadableError(
                Text(en=first.message_en, id=first.message_id),
                Text(en=first.remedy_en, id=first.remedy_id),
                field="data",
            )
        doubts = tuple(Doubt(item.column, Text(en=item.en, id=item.id)) for item in report.remarks)
        return Proposal(report.declaration, doubts, report.rows_read, report.rows_bad)

    async def _keep(self, file: Path, data: AsyncIterator[bytes]) -> None:
        size, most = 0, self._settings.max_bytes
        with file.open("wb") as out:
            async for block in data:
                size += len(block)
                if size > most:
                    raise FileTooLargeError(
                        Text(
                            en=f"A draft is made from at most {most} bytes.",
                            id=f"Rancangan dibuat dari paling banyak {most} bita.",
                        ),
                        Text(
                            en="Send a smaller file of the same form.",
                            id="Kirim berkas yang lebih kecil dengan bentuk yang sama.",
                        ),
                        field="data",
                    )
                await asyncio.to_thread(out.write, block)
