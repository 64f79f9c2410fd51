"""What runs the models, as a port."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from inference_service.domain.model import ModelVersion

__all__ = ["ServingExecutor"]


class ServingExecutor(ABC):
    """Brings what is served to what should be served, after DeployModelVersion and UndeployModel."""

    @abstractmethod
    async def apply(self, versions: Sequence[ModelVersion]) -> None:
        """Has exactly these versions served; returns when the order is taken, before they answer.

        Raises ServingUnavailableError when nobody takes it.
        """

    @abstractmethod
    async def fits(self) -> bool:
        """Whether the last order was for as many nodes as there are now."""
