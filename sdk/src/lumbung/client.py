"""The client: one object per sign-in, one attribute per subject."""

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lumbung.config import Endpoints, find_endpoints
from lumbung.credentials import token_source
from lumbung.transport import Headers, Trace, open_channel

if TYPE_CHECKING:
    from lumbung.catalogue import Catalogue
    from lumbung.contracts import Contracts
    from lumbung.models import Models
    from lumbung.pipelines import Pipelines
    from lumbung.queries import Queries
    from lumbung.sources import Sources
    from lumbung.submissions import Submissions
    from lumbung.uploads import Uploads

__all__ = ["Client", "connect"]


class Client:
    """Talks to the gateway. All calls of one client share one trace, `client.trace_id`.

    Every method raises `lumbung.ApiError` when a call fails.
    """

    def __init__(self, endpoints: Endpoints, token: Callable[[], str], language: str = "en") -> None:
        self.endpoints = endpoints
        self._language = language
        self._trace = Trace()
        self.channel = open_channel(endpoints, Headers(token, language, self._trace))

    @property
    def trace_id(self) -> str:
        """The trace of this client's calls, 32 hexadecimal digits."""
        return self._trace.trace_id

    @cached_property
    def uploads(self) -> "Uploads":
        """Files on their way in, and what became of them."""
        from lumbung.uploads import Uploads  # noqa: PLC0415

        return Uploads(self.channel, self._language)

    @cached_property
    def contracts(self) -> "Contracts":
        """Drafts of contracts."""
        from lumbung.contracts import Contracts  # noqa: PLC0415

        return Contracts(self.channel, self._language)

    @cached_property
    def sources(self) -> "Sources":
        """Systems that the platform reads by itself."""
        from lumbung.sources import Sources  # noqa: PLC0415

        return Sources(self.channel, self._language)

    @cached_property
    def submissions(self) -> "Submissions":
        """What people decide about submissions: certify, reject, revert, mend."""
        from lumbung.submissions import Submissions  # noqa: PLC0415

        return Submissions(self.channel, self._language)

    @cached_property
    def catalog(self) -> "Catalogue":
        """Datasets, search, lineage, policies, audit, glossary."""
        from lumbung.catalogue import Catalogue  # noqa: PLC0415

        return Catalogue(self.channel, self._language)

    @cached_property
    def queries(self) -> "Queries":
        """SQL."""
        from lumbung.queries import Queries  # noqa: PLC0415

        return Queries(self.channel, self._language)

    @cached_property
    def pipelines(self) -> "Pipelines":
        """Pipelines and their runs."""
        from lumbung.pipelines import Pipelines  # noqa: PLC0415

        return Pipelines(self.channel, self._language)

    @cached_property
    def models(self) -> "Models":
        """Models and predictions."""
        from lumbung.models import Models  # noqa: PLC0415

        return Models(self.channel, self._language)

    def close(self) -> None:
        """Closes the channel."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(gateway: str | None = None, *, token: str | None = None, language: str = "en") -> Client:
    """Opens a client with the token of the last `lumbung login`, or with the given one."""
    endpoints = find_endpoints(gateway)
    return Client(endpoints, token_source(endpoints, token), language)
