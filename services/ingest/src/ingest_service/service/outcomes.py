"""What a submission says of its end, in both languages."""

from ingest_service.domain.submission import Submission
from ingest_service.engine.job import Report
from servicekit.errors import Text

__all__ = [
    "LASTING",
    "contract_changed_text",
    "duplicate_text",
    "number",
    "published_text",
    "published_text_of",
    "rejected_text",
    "reverted_text",
    "validated_text",
    "waiting_text",
]

_MAX_NAMES = 10
# What another try cannot change.
LASTING = frozenset(
    {"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION", "UNAUTHENTICATED"}
)


def number(value: int) -> Text:
    """A count with group marks."""
    grouped = f"{value:,}"
    return Text(en=grouped, id=grouped.replace(",", "."))


def published_text(report: Report) -> Text:
    """How many rows went where, and what was left aside."""
    good, bad = number(report.rows_good), number(report.rows_bad)
    return _with_notes(
        f"{good.en} rows published, {bad.en} in quarantine.",
        f"{good.id} baris diterbitkan, {bad.id} dikarantina.",
        report,
    )


def published_text_of(submission: Submission) -> Text:
    """The same, of a submission that was published before."""
    good, bad = number(submission.rows_good), number(submission.rows_bad)
    return Text(
        en=f"{good.en} rows published, {bad.en} in quarantine.",
        id=f"{good.id} baris diterbitkan, {bad.id} dikarantina.",
    )


def validated_text(report: Report) -> Text:
    """How many rows wait, and for whom."""
    good, bad = number(report.rows_good), number(report.rows_bad)
    return _with_notes(
        f"{good.en} rows wait for a second person to certify them, {bad.en} are in quarantine.",
        f"{good.id} baris menunggu pengesahan orang kedua, {bad.id} dikarantina.",
        report,
    )


def _with_notes(en: str, indonesian: str, report: Report) -> Text:
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


def waiting_text(earlier: Submission) -> Text:
    """The same file waits for a certifier."""
    return Text(
        en=f"The same file waits to be certified as submissions/{earlier.submission_id}; nothing was added.",
        id=f"Berkas yang sama menunggu pengesahan sebagai submissions/{earlier.submission_id}; tidak ada yang ditambahkan.",
    )


def contract_changed_text() -> Text:
    """What was certified was checked against another contract."""
    return Text(
        en="Nothing was published: the contract changed after the file had been checked. Send the file again.",
        id="Tidak ada yang diterbitkan: kontrak berubah setelah berkas diperiksa. Kirim lagi berkasnya.",
    )


def reverted_text(reason: str) -> Text:
    """The publication was taken back, and why."""
    return Text(
        en=f"The publication was taken back: {reason}",
        id=f"Penerbitan dibatalkan: {reason}",
    )
