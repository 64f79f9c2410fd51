"""Sources and the runs that people ask for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.names import new_id
from ingest_service.domain.source_declaration import check_feeds, parse_source
from ingest_service.domain.source_run import SourceRun, SourceRunState, StoredSource
from ingest_service.errors import SourceInvalidError, SourceNotFoundError, SourceRunNotFoundError
from ingest_service.executor.places import Places
from ingest_service.storage.source_ports import SourceStore
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, Text

__all__ = ["SourceService"]

_MAX_REQUEST_ID = 128


class SourceService:
    """Keeps declarations, starts runs and ends them. Who may feed a dataset is who may write it."""

    def __init__(self, sources: SourceStore, catalog: Catalog, places: Places) -> None:
        self._sources, self._catalog, self._places = sources, catalog, places

    async def apply_source(
        self, principal: Principal, declaration: str, trace: Mapping[str, str]
    ) -> StoredSource:
        """Keeps a declaration under the name that stands in it. A new revision of a topic begins to be read at once.

        Raises:
            SourceInvalidError: it is wrong, or another source feeds the dataset.
            WritingDeniedError: the caller may not write the dataset.
            SourceError: its host or its secret is not allowed here.
        """
        source = parse_source(declaration)
        await self._catalog.require_write(principal, source.dataset)
        declared, _revision = await self._catalog.get_declaration(source.dataset)
        check_feeds(source, declared.contract)
        self._places.check(source)
        kept = StoredSource(source.name, source.dataset, declaration, 1, datetime.now(UTC))
        applied = await self._sources.apply_source(kept, principal.username)
        if applied is None:
            raise SourceInvalidError(
                Text(
                    en=f"Another source feeds datasets/{source.dataset} already.",
                    id=f"Sumber lain sudah mengisi datasets/{source.dataset}.",
                ),
                Text(en="Feed a dataset of its own.", id="Isilah dataset tersendiri."),
                field="dataset",
                reason="DATASET_HAS_SOURCE",
            )
        if source.kafka is not None:
            await self._begin_topic(principal, applied, trace)
        return applied

    async def _begin_topic(
        self, principal: Principal, source: StoredSource, trace: Mapping[str, str]
    ) -> None:
        """A run of this revision, unless it had one; a run that somebody ended stays ended."""
        newest = await self._sources.list_source_runs(source=source.source, before=None, limit=1)
        if not newest or newest[0].revision != source.revision:
            await self._sources.create_run(_new_run(principal, source, trace))

    async def get_source(self, source: str) -> StoredSource:
        """A source; SourceNotFoundError when there is none."""
        found = await self._sources.get_source(source)
        if found is None:
            raise SourceNotFoundError(
                Text(en=f"There is no sources/{source}.", id=f"Tidak ada sources/{source}."),
                Text(en="See the list of sources.", id="Lihat daftar sumber."),
                field="name",
            )
        return found

    async def list_sources(self, after: str, limit: int) -> tuple[Sequence[StoredSource], str | None]:
        """A page by name, and the key of the next."""
        found = await self._sources.list_sources(after=after, limit=limit + 1)
        page = found[:limit]
        return page, page[-1].source if len(found) > limit else None

    async def run_source(
        self, principal: Principal, source: str, *, request_id: str, full: bool, trace: Mapping[str, str]
    ) -> SourceRun:
        """Asks for a run. The same request id of the same caller gives the same run; of a topic there is one at a time.

        Raises:
            SourceNotFoundError, WritingDeniedError, InvalidArgumentError.
        """
        if len(request_id) > _MAX_REQUEST_ID:
            raise InvalidArgumentError(
                Text(
                    en=f"A request id has at most {_MAX_REQUEST_ID} characters.",
                    id=f"Id permintaan paling panjang {_MAX_REQUEST_ID} karakter.",
                ),
                field="request_id",
            )
        stored = await self.get_source(source)
        await self._catalog.require_write(principal, stored.dataset)
        if parse_source(stored.declaration).kafka is not None:
            if full:
                raise InvalidArgumentError(
                    Text(
                        en=f"sources/{source} is a topic: it is read on, never anew.",
                        id=f"sources/{source} adalah topik: dibaca terus, tidak diulang.",
                    ),
                    Text(
                        en="Leave out `full`; to read it again from `start` on, apply it with another `generation`.",
                        id="Hilangkan `full`; untuk membaca ulang dari `start`, terapkan dengan `generation` lain.",
                    ),
                    field="full",
                )
            newest = await self._sources.list_source_runs(source=source, before=None, limit=1)
            if newest and not newest[0].state.is_final:
                return newest[0]
        run = _new_run(principal, stored, trace, request_id=request_id or None, full=full)
        return await self._sources.create_run(run)

    async def get_source_run(self, source: str, run: str) -> SourceRun:
        """A run; SourceRunNotFoundError when the source has none of this id."""
        found = await self._sources.get_source_run(run)
        if found is None or found.source != source:
            raise SourceRunNotFoundError(
                Text(
                    en=f"sources/{source} has no run {run}.",
                    id=f"sources/{source} tidak mempunyai run {run}.",
                ),
                Text(en="See the list of its runs.", id="Lihat daftar run-nya."),
                field="name",
            )
        return found

    async def list_source_runs(
        self, source: str | None, before: str | None, limit: int
    ) -> tuple[Sequence[SourceRun], str | None]:
        """A page, newest first, and the key of the next; `source` None means of all."""
        if source is not None:
            await self.get_source(source)
        found = await self._sources.list_source_runs(source=source, before=before, limit=limit + 1)
        page = found[:limit]
        return page, page[-1].run if len(found) > limit else None

    async def cancel_source_run(self, principal: Principal, source: str, run: str) -> SourceRun:
        """Asks a run to end; one that has ended stays as it is."""
        found = await self.get_source_run(source, run)
        await self._catalog.require_write(principal, found.dataset)
        by = principal.username
        asked = Text(en=f"{by} asked to cancel.", id=f"{by} meminta pembatalan.")
        return await self._sources.cancel_source_run(run, asked, datetime.now(UTC))

    async def retry_source_run(
        self, principal: Principal, source: str, run: str, trace: Mapping[str, str]
    ) -> SourceRun:
        """Queues a failed or cancelled run again, to go on from its last commit; any other stays as it is."""
        found = await self.get_source_run(source, run)
        await self._catalog.require_write(principal, found.dataset)
        by = principal.username
        asked = Text(en=f"{by} asked to try again.", id=f"{by} meminta pengulangan.")
        return await self._sources.retry_source_run(run, asked, trace)


def _new_run(
    principal: Principal,
    source: StoredSource,
    trace: Mapping[str, str],
    *,
    request_id: str | None = None,
    full: bool = False,
) -> SourceRun:
    return SourceRun(
        run=new_id(),
        source=source.source,
        dataset=source.dataset,
        revision=source.revision,
        state=SourceRunState.PENDING,
        message=Text(en="Waits for its turn.", id="Menunggu giliran."),
        owner=principal.subject,
        creator=principal.username,
        create_time=datetime.now(UTC),
        request_id=request_id,
        full=full,
        trace=dict(trace),
    )
