"""Holds one file against its contract, in the order that the language states."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from ingest_service.domain.contract import Contract
from ingest_service.domain.correction import REASONS_COLUMN, ROW_COLUMN
from ingest_service.engine.corrections import correction_check
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.findings import SCHEMA, fatal_findings, stamp
from ingest_service.engine.job import FatalFinding, PartFile, Report, Step, ValidationJob
from ingest_service.engine.plan import ERROR, FLAGGED, ROW, Plan, compile_plan
from ingest_service.engine.readers import MendedSource, Source, is_place, open_source
from ingest_service.engine.reading import Reading
from ingest_service.engine.sets import find_in_sets, set_checks
from ingest_service.engine.staging import Staging, clear
from ingest_service.engine.tally import Tally
from ingest_service.engine.totals import control_totals, values_of

__all__ = ["validate"]


def validate(job: ValidationJob) -> Report:
    """Checks a file and writes its good rows, quarantine records and kept findings to the job's output folder.

    Raises:
        ContractError: the contract does not compile for this file.
    """
    clear(job.out)
    return _Validation(job).run()


class _Validation:
    def __init__(self, job: ValidationJob) -> None:
        self._job = job
        self._contract: Contract = job.contract
        self._steps: list[Step] = []
        self._rows_read = self._rows_bad = 0
        self._mended: list[pl.Series] = []

    def run(self) -> Report:
        try:
            with self._step("read"):
                source = open_source(self._job)
            if self._job.mendable is None:
                plan = compile_plan(self._contract, source.schema)
            else:
                source = MendedSource(source)
                plan = compile_plan(self._contract, source.schema, (correction_check(self._job.mendable),))
            tally, staging = Tally(self._job), Staging(self._job)
            with self._step("validate"):
                self._check_rows(source, plan, tally, staging)
            with self._step("validate sets"):
                good = self._check_sets(source, plan, tally, staging)
        except FatalFileError as error:
            return self._rejected(error.findings)
        return self._report(source, tally, good)

    def _check_rows(self, source: Source, plan: Plan, tally: Tally, staging: Staging) -> None:
        carried: dict[str, str | None] = dict.fromkeys(plan.carries)
        reading = Reading(source, self._contract, plan)
        for block, own_plan in reading.blocks():
            frame = own_plan.run(block, carried)
            if own_plan is not plan and frame[FLAGGED].any():
                frame = plan.run(reading.as_text(block), carried)
            self._rows_read += frame.height
            if frame.height:
                carried = {name: frame[f"__in:{name}"][-1] for name in carried}
            self._count_rounded(plan, frame, tally)
            if frame[FLAGGED].any():
                tally.take(frame.filter(FLAGGED), plan.checks)
                self._rows_bad += int(frame[ERROR].sum())
                frame = frame.filter(~pl.col(ERROR))
            if self._job.mendable is not None:
                self._mended.append(frame[ROW_COLUMN])
            staging.add(frame)
        self._take_broken(source, tally)

    def _count_rounded(self, plan: Plan, frame: pl.DataFrame, tally: Tally) -> None:
        for mode in {column.round for column in self._contract.columns} - {None}:
            names = [
                f"__rounded:{c.name}"
                for c in self._contract.columns
                if c.round == mode and c.name in plan.rounded
            ]
            if names:
                rows = frame.select(pl.any_horizontal(names).sum()).item()
                tally.count(f"rounded_{mode}", "warning", int(rows))

    def _take_broken(self, source: Source, tally: Tally) -> None:
        """What stands at the place of rows and is none."""
        tally.count("skipped", "warning", source.skipped)
        broken = source.broken_rows
        if not broken:
            return
        self._rows_read += len(broken)
        self._rows_bad += len(broken)
        for rule, rows_broken in Counter(entry.rule for entry in broken).items():
            tally.count(rule, "error", rows_broken)
        rows = [
            {
                "source_row": entry.row,
                "column": "",
                "value": entry.text,
                "rule": entry.rule,
                "severity": "error",
                "message_en": entry.en,
                "message_id": entry.indonesian,
                "remedy_en": entry.remedy_en,
                "remedy_id": entry.remedy_id,
                "record": entry.record,
                "submission": self._job.submission,
            }
            for entry in broken
        ]
        frame = pl.DataFrame(rows).with_columns(stamp(self._job.found_time))
        tally.quarantine(frame.select(SCHEMA.names()).cast(SCHEMA))

    def _check_sets(self, source: Source, plan: Plan, tally: Tally, staging: Staging) -> tuple[PartFile, ...]:
        parts, numbers, hashes = staging.finish()
        found = find_in_sets(self._contract, parts, numbers, hashes)
        if found.rows.height:
            self._take_again(source, plan, tally, found.rows)
        self._rows_bad += int(found.removed.sum())
        self._mended = [pl.concat(self._mended).filter(~found.removed)] if self._mended else []
        return staging.without(parts, found.removed)

    def _take_again(self, source: Source, plan: Plan, tally: Tally, flagged: pl.DataFrame) -> None:
        """Reads the file once more for the rows that a rule over sets flagged: their values as they stood there."""
        checks = set_checks(plan)
        flags = [name for name in flagged.columns if name.startswith("__set:")]
        missing = {c.broken.meta.root_names()[0] for c in checks} - set(flags)
        flagged = flagged.with_columns(pl.lit(value=False).alias(name) for name in missing)
        carried: dict[str, str | None] = dict.fromkeys(plan.carries)
        for block in source.blocks():
            if block.height == 0:
                continue
            here = flagged.filter(pl.col(ROW).is_between(block[ROW][0], block[ROW][-1]))
            if here.height == 0 and not carried:
                continue
            frame = plan.run(block, carried)
            carried = {name: frame[f"__in:{name}"][-1] for name in carried}
            if here.height:
                tally.take(frame.join(here, on=ROW, how="inner", maintain_order="left_right"), checks)

    def _report(self, source: Source, tally: Tally, good: tuple[PartFile, ...]) -> Report:
        quarantine, counts = tally.finish()
        rows_good = sum(part.rows for part in good)
        fatal = tuple(tally.fatal)
        if not fatal and rows_good == 0 and not self._job.may_publish_nothing:
            fatal = (_no_good_row(self._rows_read),)
        kept, cut = tally.write_kept(fatal)
        wanted = {column.file_column for column in self._contract.columns}
        if self._job.mendable is not None:
            wanted.add(REASONS_COLUMN)
        with self._step("control totals"):
            totals = {} if fatal else control_totals(self._contract, good)
            replaced = () if fatal else values_of(self._contract, good)
        return Report(
            rejected=bool(fatal),
            fatal=fatal,
            rows_read=self._rows_read,
            rows_good=rows_good,
            rows_bad=self._rows_bad,
            rule_counts=counts,
            control_totals=totals,
            extra_columns=tuple(
                name
                for name in (*source.schema, *source.extra_columns)
                if name not in wanted and not is_place(name)
            ),
            encoding_detected=source.encoding_detected,
            replaced=replaced,
            mended=() if fatal or not self._mended else tuple(self._mended[0].to_list()),
            good=() if fatal else good,
            quarantine=() if fatal else quarantine,
            kept=kept,
            kept_cut=cut,
            steps=tuple(self._steps),
        )

    def _rejected(self, findings: tuple[FatalFinding, ...]) -> Report:
        kept = fatal_findings(findings, self._job.submission, self._job.found_time)
        path = self._job.out / "kept.parquet"
        kept.write_parquet(path)
        return Report(
            rejected=True,
            fatal=findings,
            rows_read=self._rows_read,
            kept=PartFile(path=path, rows=kept.height),
            steps=tuple(self._steps),
        )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        start = time.time_ns()
        try:
            yield
        finally:
            self._steps.append(Step(name=name, start=start, end=time.time_ns()))


def _no_good_row(rows: int) -> FatalFinding:
    return FatalFinding(
        rule="no_good_row",
        message_en=f"None of the {rows} rows of the file can be published.",
        message_id=f"Tidak satu pun dari {rows} baris berkas dapat diterbitkan.",
        remedy_en="Look at the findings, correct the file and send it again.",
        remedy_id="Lihat temuannya, perbaiki berkas, lalu kirim lagi.",
    )
