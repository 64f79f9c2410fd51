"""The report as one HTML page in both languages: nothing is fetched, nothing runs."""

from collections.abc import AsyncIterator, Sequence
from html import escape

from ingest_service.domain.submission import Finding, Submission
from ingest_service.reports.summary import LABELS, submission_record

__all__ = ["html_report"]

_SEVERITY = {
    "warning": ("peringatan", "warning"),
    "error": ("kesalahan", "error"),
    "fatal": ("fatal", "fatal"),
}
_HEAD = """<!DOCTYPE html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Laporan validasi / Validation report: {title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem; }}
table {{ border-collapse: collapse; margin: 1rem 0 2rem; }}
caption {{ text-align: left; font-weight: bold; padding: .5rem 0; }}
th, td {{ border: 1px solid #767676; padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }}
th {{ background: #f0f0f0; }}
[lang=en] {{ color: #3b3b3b; font-style: italic; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
@media print {{ body {{ margin: 0; }} thead {{ display: table-header-group; }} }}
</style>
</head>
<body>
<main>
<h1>Laporan validasi <span lang="en">Validation report</span></h1>
"""


async def html_report(
    submission: Submission, pages: AsyncIterator[Sequence[Finding]]
) -> AsyncIterator[bytes]:
    """The page in UTF-8, in pieces."""
    yield _HEAD.format(title=escape(submission.file_name)).encode()
    yield _summary(submission).encode()
    yield _table_head(
        "Temuan",
        "Findings",
        [
            ("Baris", "Row"),
            ("Kolom", "Column"),
            ("Nilai", "Value"),
            ("Aturan", "Rule"),
            ("Bobot", "Severity"),
            ("Masalah", "Problem"),
            ("Perbaikan", "Remedy"),
        ],
    ).encode()
    none = True
    async for page in pages:
        none = none and not page
        yield "".join(map(_finding, page)).encode()
    yield b"</tbody>\n</table>\n"
    if none:
        yield _both("Tidak ada temuan.", "Nothing was found.", "p").encode()
    yield b"</main>\n</body>\n</html>\n"


def _summary(submission: Submission) -> str:
    record = submission_record(submission)
    parts = [_both(submission.message.id, submission.message.en, "p")]
    parts.append(f"<table>\n<caption>{_label('Ringkasan', 'Summary')}</caption>\n<tbody>\n")
    parts += [
        f'<tr><th scope="row">{_label(*LABELS[name])}</th><td>{escape(str(record[name]))}</td></tr>\n'
        for name in LABELS
        if record[name] != ""
    ]
    parts.append("</tbody>\n</table>\n")
    parts.append(_table_head("Jumlah kontrol", "Control totals", [("Nama", "Name"), ("Jumlah", "Total")]))
    parts += [
        f'<tr><td>{escape(name)}</td><td class="number">{escape(total)}</td></tr>\n'
        for name, total in record["control_totals"].items()
    ]
    parts.append("</tbody>\n</table>\n")
    parts.append(
        _table_head(
            "Temuan per aturan",
            "Findings by rule",
            [("Aturan", "Rule"), ("Bobot", "Severity"), ("Baris", "Rows")],
        )
    )
    parts += [
        f"<tr><td>{escape(count.rule)}</td><td>{_label(*_SEVERITY[count.severity.value])}</td>"
        f'<td class="number">{count.rows}</td></tr>\n'
        for count in submission.rule_counts
    ]
    parts.append("</tbody>\n</table>\n")
    return "".join(parts)


def _finding(finding: Finding) -> str:
    return (
        f'<tr><td class="number">{finding.row or ""}</td><td>{escape(finding.column)}</td>'
        f"<td>{escape(finding.value)}</td><td>{escape(finding.rule)}</td>"
        f"<td>{_label(*_SEVERITY[finding.severity.value])}</td>"
        f"<td>{_both(finding.message.id, finding.message.en)}</td>"
        f"<td>{_both(finding.remedy.id, finding.remedy.en)}</td></tr>\n"
    )


def _table_head(caption: str, caption_en: str, columns: Sequence[tuple[str, str]]) -> str:
    heads = "".join(f'<th scope="col">{_label(*column)}</th>' for column in columns)
    return f"<table>\n<caption>{_label(caption, caption_en)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"


def _label(indonesian: str, english: str) -> str:
    if indonesian == english:
        return escape(indonesian)
    return f'{escape(indonesian)} <span lang="en">{escape(english)}</span>'


def _both(indonesian: str, english: str, tag: str = "div") -> str:
    return f'<{tag}>{escape(indonesian)}</{tag}><{tag} lang="en">{escape(english)}</{tag}>\n'
