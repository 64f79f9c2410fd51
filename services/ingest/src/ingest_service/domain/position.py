"""How far a topic has been read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Position"]

# What one entry of a snapshot's summary may hold.
_ENTRY_CHARS = 1000
_PREFIX = "offsets."


@dataclass(frozen=True)
class Position:
    """The next offset to read of each partition.

    `topic_id` tells a topic from a later one of the same name; `generation` is the declaration's.
    """

    topic: str
    topic_id: str
    generation: int
    offsets: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"{self.topic}@{self._listed()}"

    def _listed(self) -> str:
        return ",".join(f"{partition}:{offset}" for partition, offset in sorted(self.offsets.items()))

    def as_properties(self, prefix: str = "") -> dict[str, str]:
        """As entries of a snapshot's summary, as many as the partitions need."""
        entries, line = [], ""
        for part in self._listed().split(","):
            if len(line) + len(part) >= _ENTRY_CHARS:
                entries.append(line)
                line = ""
            line = f"{line},{part}" if line else part
        entries.append(line)
        listed = {f"{prefix}{_PREFIX}{number}": text for number, text in enumerate(entries)}
        named = {"topic": self.topic, "topic_id": self.topic_id, "generation": str(self.generation)}
        return {**{f"{prefix}{name}": value for name, value in named.items()}, **listed}

    @staticmethod
    def from_properties(properties: Mapping[str, str], prefix: str = "") -> "Position | None":
        """Read back; None when there is none."""
        if f"{prefix}topic" not in properties:
            return None
        texts = [text for name, text in properties.items() if name.startswith(f"{prefix}{_PREFIX}") and text]
        pairs = [part.split(":") for text in texts for part in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        topic, topic_id, generation = (
            properties[f"{prefix}{name}"] for name in ("topic", "topic_id", "generation")
        )
        return Position(topic, topic_id, int(generation), offsets)
