"""One thing that is wrong."""

from dataclasses import asdict, dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """`check` is a stable word for programs, `place` where it is; the texts are in English and Indonesian."""

    check: str
    place: str
    what: tuple[str, str]
    remedy: tuple[str, str]

    def told(self, language: str) -> dict[str, str]:
        """As plain data in one language."""
        index = 1 if language == "id" else 0
        return {**asdict(self), "what": self.what[index], "remedy": self.remedy[index]}
