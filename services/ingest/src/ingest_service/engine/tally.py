"""Counts findings and keeps them: errors for the quarantine, some of the others for the submission."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from ingest_service.engine.findings import QUARANTINE_COLUMNS, fatal_findings, findings_of, no_findings
from ingest_service.engine.job import FatalFinding, PartFile, RuleRows, ValidationJob
from ingest_service.engine.parts import PartWriter, arrow_schema
from ingest_service.engine.plan import Check

__all__ = ["Tally"]

_QUARANTINE_PART_ROWS = 200_000


class Tally:
    """Findings of one file."""

    def __init__(self, job: ValidationJob) -> None:
        self._job = job
        self._counts: Counter[tuple[str, str]] = Counter()
        schema = arrow_schema(list(QUARANTINE_COLUMNS), job.quarantine_ids)
        self._quarantine = PartWriter(job.out, "quarantine", schema, _QUARANTINE_PART_ROWS)
        self._kept: list[pl.DataFrame] = []
        self._kept_rows = 0
        self._total_kept = 0
        self.fatal: list[FatalFinding] = []

    def count(self, rule: str, severity: str, rows: int) -> None:
        """Counts rows without keeping findings."""
        if rows:
            self._counts[rule, severity] += rows

    def take(self, frame: pl.DataFrame, checks: Sequence[Check]) -> None:
        """Takes the findings of rows that broke at least one check."""
        sums = frame.select(check.broken.sum().alias(str(index)) for index, check in enumerate(checks)).row(0)
        broken = [(check, rows) for check, rows in zip(checks, sums, strict=True) if rows]
        for check, rows in broken:
            self.count(check.rule, check.severity, rows)
        hard = [check for check, _rows in broken if check.severity == "error"]
        if hard:
            self.quarantine(self._findings(frame, hard))
        for severity in ("fatal", "warning"):
            some = [check for check, _rows in broken if check.severity == severity]
            if not some:
                continue
            self._total_kept += sum(rows for check, rows in broken if check.severity == severity)
            room = self._job.limits.kept_findings - self._kept_rows
            if room > 0:
                any_of = frame.filter(pl.any_horizontal([check.broken for check in some])).head(room)
                self._keep(self._findings(any_of, some).head(room), fatal=severity == "fatal")

    def quarantine(self, findings: pl.DataFrame) -> None:
        """Takes findings that go to the quarantine."""
        self._quarantine.add(findings)

    def finish(self) -> tuple[tuple[PartFile, ...], tuple[RuleRows, ...]]:
        """Quarantine parts, and counts by rule."""
        counts = tuple(
            RuleRows(rule=rule, severity=severity, rows=rows)
            for (rule, severity), rows in sorted(self._counts.items())
        )
        return self._quarantine.finish(), counts

    def write_kept(self, fatal: Sequence[FatalFinding]) -> tuple[PartFile | None, int]:
        """Findings for the submission itself (all kinds when it is rejected), and how many were left out."""
        rejected = bool(fatal)
        frames = list(self._kept)
        if fatal and not self.fatal:
            # Of the whole file, not of a row: no check has kept it.
            frames.insert(0, fatal_findings(fatal, self._job.submission, self._job.found_time))
        left_out = self._total_kept - self._kept_rows
        if rejected:
            before = sum(frame.height for frame in frames)
            room = self._job.limits.kept_findings
            for part in self._quarantine.parts:
                have = sum(frame.height for frame in frames)
                if have < room:
                    frames.append(pl.scan_parquet(part.path).head(room - have).collect())
            errors = sum(part.rows for part in self._quarantine.parts)
            left_out += errors - (sum(frame.height for frame in frames) - before)
        if not frames:
            return None, left_out
        kept = pl.concat([no_findings(), *frames])
        path = self._job.out / "kept.parquet"
        kept.write_parquet(path, compression="zstd")
        return PartFile(path=path, rows=kept.height), left_out

    def _findings(self, frame: pl.DataFrame, checks: Sequence[Check]) -> pl.DataFrame:
        return findings_of(frame, checks, self._job.submission, self._job.found_time)

    def _keep(self, findings: pl.DataFrame, *, fatal: bool) -> None:
        self._kept.insert(0, findings) if fatal else self._kept.append(findings)
        self._kept_rows += findings.height
        if fatal and not self.fatal:
            row = findings.row(0, named=True)
            self.fatal.append(
                FatalFinding(
                    rule=row["rule"],
                    column=row["column"],
                    value=row["value"] or "",
                    row=row["source_row"],
                    message_id=row["message_id"],
                    message_en=row["message_en"],
                    remedy_id=row["remedy_id"],
                    remedy_en=row["remedy_en"],
                )
            )
