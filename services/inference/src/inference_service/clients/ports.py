"""What the use cases need of others, as ports."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from inference_service.domain.names import VersionRef

__all__ = ["LineageRecorder", "PredictionProbe"]


class LineageRecorder(ABC):
    """The catalog, as far as models concern it."""

    @abstractmethod
    async def check_datasets(self, datasets: Sequence[str]) -> None:
        """NotFoundError unless all are there; UnavailableError when the catalog does not answer."""

    @abstractmethod
    async def record_training(self, datasets: Sequence[str], ref: VersionRef) -> None:
        """Records which datasets a version was trained on. Recording twice changes nothing."""


class PredictionProbe(ABC):
    """Asks where predictions are answered."""

    @abstractmethod
    async def alive(self) -> bool:
        """Whether anything answers."""

    @abstractmethod
    async def ready(self, ref: VersionRef) -> bool:
        """Whether that version answers predictions now."""

    @abstractmethod
    async def serves(self, model: str) -> bool:
        """Whether any version of the model answers."""

    @abstractmethod
    async def failure(self, ref: VersionRef) -> str | None:
        """Why the version does not load, in a sentence; None when that is not known."""
