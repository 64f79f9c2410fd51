"""What refuses a file as a whole."""

from ingest_service.engine.job import FatalFinding

__all__ = ["FatalFileError"]


class FatalFileError(Exception):
    """The file cannot be validated row by row; `findings` say why."""

    def __init__(self, *findings: FatalFinding) -> None:
        super().__init__(findings[0].message_en)
        self.findings = findings

    @classmethod
    def of(
        cls,
        rule: str,
        en: str,
        indonesian: str,
        remedy_en: str,
        remedy_id: str,
        *,
        column: str = "",
        value: str = "",
        row: int = 0,
    ) -> "FatalFileError":
        """One fatal finding."""
        return cls(
            FatalFinding(
                rule=rule,
                column=column,
                value=value[:1000],
                row=row,
                message_en=en,
                message_id=indonesian,
                remedy_en=remedy_en,
                remedy_id=remedy_id,
            )
        )
