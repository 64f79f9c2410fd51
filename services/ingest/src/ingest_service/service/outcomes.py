"""What a submission says of its end, in both languages."""

from ingest_service.domain.submission import Submission
from ingest_service.engine.job import Report
from servicekit.errors import Text

__all__ = ["duplicate_text", "number", "published_text", "rejected_text"]

_MAX_NAMES = 10


def number(value: int) -> Text:
    """A count with group marks."""
    grouped = f"{value:,}"
    return Text(en=grouped, id=grouped.replace(",", "."))


def published_text(report: Report) -> Text:
    """How many rows went where, and what was left aside."""
    good, bad = number(report.rows_good), number(report.rows_bad)
    en = f"{good.en} rows published, {bad.en} in quarantine."
    indonesian = f"{good.id} baris diterbitkan, {bad.id} dikarantina."
    if report.extra_columns:
        names = ", ".join(report.extra_columns[:_MAX_NAMES])
        en += f" Columns outside the contract were left out: {names}."
        indonesian += f" Kolom di luar kontrak diabaikan: {names}."
    if report.encoding_detected:
        en += f" The encoding was taken to be {report.encoding_detected}."
        indonesian += f" Pengodean berkas dianggap {report.encoding_detected}."
    if report.kept_cut:
        cut = number(report.kept_cut)
        en += f" {cut.en} more warnings were counted but not kept."
        indonesian += f" {cut.id} peringatan lain dihitung tetapi tidak disimpan."
    return Text(en=en, id=indonesian)


def rejected_text(report: Report) -> Text:
    """Why nothing was published."""
    first = report.fatal[0]
    en = f"Nothing was published. {first.message_en} {first.remedy_en}"
    indonesian = f"Tidak ada yang diterbitkan. {first.message_id} {first.remedy_id}"
    if len(report.fatal) > 1:
        en += f" ({len(report.fatal) - 1} more reasons among the findings.)"
        indonesian += f" ({len(report.fatal) - 1} sebab lain ada pada temuan.)"
    if report.kept_cut:
        cut = number(report.kept_cut)
        en += f" {cut.en} more findings were counted but not kept."
        indonesian += f" {cut.id} temuan lain dihitung tetapi tidak disimpan."
    return Text(en=en, id=indonesian)


def duplicate_text(earlier: Submission) -> Text:
    """The same file was published before."""
    return Text(
        en=f"This file was already published as submissions/{earlier.submission_id}; nothing was added.",
        id=f"Berkas ini sudah diterbitkan sebagai submissions/{earlier.submission_id}; tidak ada yang ditambahkan.",
    )
