"""Contracts for tests, and files held against them."""

import json
from pathlib import Path

import polars as pl

from ingest_service.domain.contract import Contract, parse_declaration
from ingest_service.engine.job import Report, ValidationJob, ValidationLimits
from ingest_service.engine.validate import validate

FOUND_TIME = "2026-11-24T05:00:00.000000+00:00"
BOTH = {"id": "Salah {value}", "en": "Wrong {value}"}


def contract_of(columns, **changes) -> Contract:
    """A contract with the given columns; CSV with semicolons, appended, unless said otherwise."""
    body = {
        "version": 1,
        "format": {"type": "csv", "delimiter": ";"},
        "columns": columns,
        "publish": {"mode": "append"},
    } | changes
    document = {
        "kind": "Dataset",
        "name": "t",
        "display_name": BOTH,
        "description": BOTH,
        "owner": "steward-pusat",
        "contract": body,
    }
    return parse_declaration(json.dumps(document)).contract


def rule(rule_id, check, **changes):
    return {"id": rule_id, "severity": "error", "check": check, "message": BOTH, "remedy": BOTH} | changes


class Outcome:
    """A report with its files read."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.good = _read([part.path for part in report.good])
        self.quarantine = _read([part.path for part in report.quarantine])
        self.kept = _read([report.kept.path] if report.kept else [])

    @property
    def errors(self) -> set[tuple[int, str, str]]:
        if self.quarantine is None:
            return set()
        return set(self.quarantine.select("source_row", "column", "rule").rows())

    @property
    def counts(self) -> dict[str, int]:
        return {count.rule: count.rows for count in self.report.rule_counts}

    @property
    def fatal(self) -> list[str]:
        return [finding.rule for finding in self.report.fatal]

    def record(self, row: int):
        return json.loads(self.quarantine.filter(source_row=row)["record"][0])


def _read(paths):
    return pl.read_parquet(paths) if paths else None


def check(tmp_path: Path, contract: Contract, content, **limits) -> Outcome:
    """Validates bytes, text or a frame (as Parquet)."""
    file, out = tmp_path / "file", tmp_path / "out"
    out.mkdir(exist_ok=True)
    if isinstance(content, pl.DataFrame):
        content.write_parquet(file)
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    job = ValidationJob(
        file=file,
        out=out,
        dataset="t",
        submission="s1",
        contract=contract,
        found_time=FOUND_TIME,
        limits=ValidationLimits(**limits),
    )
    # The job crosses a process boundary as JSON: what it loses there is lost for good.
    outcome = Outcome(validate(ValidationJob.model_validate_json(job.model_dump_json(by_alias=True))))
    report = outcome.report
    if not report.rejected:
        assert report.rows_read == report.rows_good + report.rows_bad
        assert outcome.good is not None
        assert outcome.good.height == report.rows_good
    return outcome
