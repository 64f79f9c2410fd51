"""The lake's tables, as their health is measured."""

from abc import ABC, abstractmethod

from lake import TableHealth, TableId

__all__ = ["LakeHealth"]


class LakeHealth(ABC):
    """Numbers of every table of the lake. One call at a time."""

    @abstractmethod
    async def tables(self) -> list[TableId]:
        """All tables, those of datasets first.

        Raises:
            MetadataUnavailableError: the lake's database does not answer.
            TimeoutError: an earlier call that was given up still hangs.
        """

    @abstractmethod
    async def health(self, table: TableId) -> TableHealth:
        """One table; errors as of `tables`, and TableNotFoundError, StoreError or FileNotFoundError."""
