"""The client for asyncio: `async with lumbung.aio.connect() as client: await client.catalog.list_datasets()`."""

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from lumbung.config import Endpoints, find_endpoints
from lumbung.credentials import token_source
from lumbung.transport import Headers, Trace, open_async_channel, open_channel

if TYPE_CHECKING:
    from lumbung.catalogue import AsyncCatalogue
    from lumbung.contracts import AsyncContracts
    from lumbung.models import AsyncModels
    from lumbung.pipelines import AsyncPipelines
    from lumbung.queries import AsyncQueries
    from lumbung.sources import AsyncSources
    from lumbung.submissions import AsyncSubmissions
    from lumbung.uploads import AsyncUploads

__all__ = ["AsyncClient", "connect"]


class AsyncClient:
    """`lumbung.Client`, to be awaited: the same subjects with the same methods. Made inside a running loop."""

    def __init__(self, endpoints: Endpoints, token: Callable[[], str], language: str = "en") -> None:
        self.endpoints = endpoints
        self._language = language
        self._trace = Trace()
        self._headers = Headers(token, language, self._trace)
        self.channel = open_async_channel(endpoints)
        self._stream_channel: grpc.Channel | None = None

    def _streams(self) -> grpc.Channel:
        """The blocking channel for streams of requests, opened when first needed."""
        if self._stream_channel is None:
            self._stream_channel = open_channel(self.endpoints, self._headers)
        return self._stream_channel

    @property
    def trace_id(self) -> str:
        """The trace of this client's calls, 32 hexadecimal digits."""
        return self._trace.trace_id

    @cached_property
    def uploads(self) -> "AsyncUploads":
        """Files on their way in, and what became of them."""
        from lumbung.uploads import AsyncUploads  # noqa: PLC0415

        return AsyncUploads(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def contracts(self) -> "AsyncContracts":
        """Drafts of contracts."""
        from lumbung.contracts import AsyncContracts  # noqa: PLC0415

        return AsyncContracts(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def sources(self) -> "AsyncSources":
        """Systems that the platform reads by itself."""
        from lumbung.sources import AsyncSources  # noqa: PLC0415

        return AsyncSources(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def submissions(self) -> "AsyncSubmissions":
        """What people decide about submissions: certify, reject, revert, mend."""
        from lumbung.submissions import AsyncSubmissions  # noqa: PLC0415

        return AsyncSubmissions(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def catalog(self) -> "AsyncCatalogue":
        """Datasets, search, lineage, policies, audit, glossary."""
        from lumbung.catalogue import AsyncCatalogue  # noqa: PLC0415

        return AsyncCatalogue(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def queries(self) -> "AsyncQueries":
        """SQL."""
        from lumbung.queries import AsyncQueries  # noqa: PLC0415

        return AsyncQueries(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def pipelines(self) -> "AsyncPipelines":
        """Pipelines and their runs."""
        from lumbung.pipelines import AsyncPipelines  # noqa: PLC0415

        return AsyncPipelines(self.channel, self._headers, self._streams, self._language)

    @cached_property
    def models(self) -> "AsyncModels":
        """Models and predictions."""
        from lumbung.models import AsyncModels  # noqa: PLC0415

        return AsyncModels(self.channel, self._headers, self._streams, self._language)

    async def close(self) -> None:
        """Closes the channels."""
        if self._stream_channel is not None:
            self._stream_channel.close()
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect(gateway: str | None = None, *, token: str | None = None, language: str = "en") -> AsyncClient:
    """Opens a client with the token of the last `lumbung login`, or with the given one."""
    endpoints = find_endpoints(gateway)
    return AsyncClient(endpoints, token_source(endpoints, token), language)
