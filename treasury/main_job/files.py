"""Step 2b: files that were made for people, each through its contract's template."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from treasury.main_job.inputs import find_collection
from treasury.main_job.intake import CONTRIBUTOR, show_submissions
from treasury.main_job.journal import Journal, Outcome
from treasury.main_job.sessions import Sessions

from lumbung.ingest.v1.submission_service_pb2 import Submission

__all__ = ["upload_collections"]

# What the law of the budget says, in rupiah.
VILLAGE_FUND_2023 = "70000000000000"
_VINTAGES = ("permendagri_72_2019_base.csv", "wilayah_2022.csv", "wilayah_2025.csv")


def upload_collections(sessions: Sessions, journal: Journal, work: Path) -> Outcome:
    """Uploads printed reports, workbooks, region codes and the village fund, where they are at hand."""
    files = _files(work)
    if not files:
        return Outcome("left out: the public files are not at hand", 0)
    client = sessions.client(CONTRIBUTOR)
    sent = {dataset: client.uploads.send(path, dataset) for dataset, path in files.items()}
    done = {dataset: client.uploads.wait(entry.name) for dataset, entry in sent.items()}
    show_submissions(journal, done)
    for dataset, entry in done.items():
        if entry.state != Submission.STATE_PUBLISHED:
            raise RuntimeError(f"{dataset} was not published: {entry.message}")
        for finding in client.uploads.findings(entry.name, 20) if entry.rows_bad else ():
            journal.say(f"refused: {finding.value}: {finding.message}")
    ceiling = done["village_fund"].control_totals["ceiling/2023"]
    if ceiling != VILLAGE_FUND_2023:
        raise RuntimeError(f"the village fund of 2023 is {ceiling}, not {VILLAGE_FUND_2023}")
    journal.say(f"village fund 2023: {int(ceiling):,} rupiah")
    return Outcome(
        f"{len(done)} collections published; reports' lines add up, village fund exact",
        sum(entry.rows_good for entry in done.values()),
    )


def _files(work: Path) -> dict[str, Path]:
    """One file per dataset; nothing where one of them is missing."""
    reports, workbooks = find_collection("us-dts"), find_collection("djpk-spreadsheets")
    regions, villages = find_collection("wilayah"), find_collection("dana-desa-2023-2024")
    if reports is None or workbooks is None or regions is None or villages is None:
        return {}
    return {
        "dts_cash_lines": reports / "dts_reports_2005_2010.zip",
        "apbd_workbook": _zip(work / "workbooks.zip", workbooks.glob("*.xls*")),
        "region_code": _zip(work / "region_codes.zip", (regions / name for name in _VINTAGES)),
        "village_fund": villages / "pagu-dana-desa.csv",
    }


def _zip(target: Path, files: Iterable[Path]) -> Path:
    """The same bytes for the same files, so that a repetition is seen to be one."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return target
