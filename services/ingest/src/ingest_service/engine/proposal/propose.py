"""From a file to a contract that has been tried on it."""

from pathlib import Path
from typing import Any

import polars as pl

from ingest_service.domain.contract import ColumnSpec, Contract, Format, parse_declaration
from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ProposalJob, ProposalReport, Remark, Report, ValidationJob
from ingest_service.engine.plan import ROW
from ingest_service.engine.proposal.draft import draft_of
from ingest_service.engine.proposal.remarks import remark
from ingest_service.engine.proposal.sniffing import sniff
from ingest_service.engine.readers import is_place, open_source
from ingest_service.engine.readers.member import members_of
from ingest_service.engine.validate import validate

__all__ = ["propose_contract"]

_SAMPLE_ROWS = 100_000
# A reader needs a contract; this one asks for no column of the file.
_NOTHING_ASKED = ColumnSpec(name="nothing", type="text", derive="NULL")


def propose_contract(job: ProposalJob) -> ProposalReport:
    """Looks at a file, drafts a contract, and holds the file against it. The report never has a draft that is not valid."""
    try:
        return _proposal(job)
    except FatalFileError as error:
        return ProposalReport(fatal=error.findings)


def _proposal(job: ProposalJob) -> ProposalReport:
    unpacked = members_of(job.file, job.file_name, Format(type="csv"), job.limits, _folder(job, "unpacked"))
    first = unpacked[0].path
    if job.cut and first == job.file:
        _drop_last_line(first)
    found = sniff(first, job.limits)
    frame = _sample(job, first, found.form)
    draft = draft_of(job, found.form, frame)
    remarks = [*found.remarks, *draft.remarks, *_about_the_file(job, len(unpacked), frame)]
    tried = _try(job, draft.text((), job.language))
    remarks += _about_the_trial(tried)
    return ProposalReport(
        fatal=tried.fatal,
        declaration=draft.text(remarks, job.language),
        remarks=tuple(remarks),
        rows_read=tried.rows_read,
        rows_bad=tried.rows_bad,
    )


def _folder(job: ProposalJob, name: str) -> Path:
    folder = job.out / name
    folder.mkdir()
    return folder


def _drop_last_line(path: Path) -> None:
    """The beginning of a file ends within a line."""
    data = path.read_bytes()
    end = data.rfind(b"\n")
    if end > 0:
        path.write_bytes(data[: end + 1])


def _sample(job: ProposalJob, path: Path, form: dict[str, Any]) -> pl.DataFrame:
    """The first rows under the names that the file has."""
    contract = Contract(version=1, format=Format.model_validate(form), columns=(_NOTHING_ASKED,))
    source = open_source(
        ValidationJob(
            file=path,
            out=_folder(job, "sample"),
            dataset=job.dataset,
            submission="",
            contract=contract,
            found_time="",
            limits=job.limits,
        )
    )
    names = {raw_name(name): name for name in source.schema if not is_place(name)}
    blocks: list[pl.DataFrame] = []
    rows = 0
    for block in source.blocks():
        blocks.append(block.drop(ROW).select(list(names)).rename(names))
        rows += block.height
        if rows >= _SAMPLE_ROWS:
            break
    if not blocks:
        return pl.DataFrame(schema={name: source.schema[name] for name in names.values()})
    return pl.concat(blocks).head(_SAMPLE_ROWS)


def _try(job: ProposalJob, text: str) -> Report:
    declaration = parse_declaration(text)
    return validate(
        ValidationJob(
            file=job.file,
            file_name=job.file_name,
            out=_folder(job, "trial"),
            dataset=declaration.name,
            submission="trial",
            contract=declaration.contract,
            found_time="1970-01-01T00:00:00+00:00",
            limits=job.limits,
        )
    )


def _about_the_file(job: ProposalJob, files: int, frame: pl.DataFrame) -> list[Remark]:
    remarks = []
    if job.cut:
        remarks.append(
            remark(
                "Only the beginning of the file was looked at.",
                "Hanya bagian awal berkas yang dilihat.",
            )
        )
    elif frame.height == _SAMPLE_ROWS:
        remarks.append(
            remark(
                f"Types and key are drafted from the first {_SAMPLE_ROWS} rows; the whole file was held against them.",
                f"Jenis dan kunci dirancang dari {_SAMPLE_ROWS} baris pertama; seluruh berkas diuji terhadapnya.",
            )
        )
    if files > 1:
        remarks.append(
            remark(
                f"The archive has {files} files; the draft is of the first, and all were held against it.",
                f"Arsip berisi {files} berkas; rancangan dari yang pertama, dan semuanya diuji terhadapnya.",
            )
        )
    remarks.append(
        remark(
            "Rows are added to those published before; say `replace` with `by`, or `overwrite`, where a file takes their place.",
            "Baris ditambahkan pada yang sudah terbit; tulis `replace` dengan `by`, atau `overwrite`, bila berkas menggantikannya.",
        )
    )
    return remarks


def _about_the_trial(tried: Report) -> list[Remark]:
    if not tried.rows_bad:
        return []
    told = ", ".join(f"{count.rule} {count.rows}" for count in tried.rule_counts if count.severity == "error")
    return [
        remark(
            f"{tried.rows_bad} of {tried.rows_read} rows do not hold under this draft ({told}).",
            f"{tried.rows_bad} dari {tried.rows_read} baris tidak memenuhi rancangan ini ({told}).",
        )
    ]
