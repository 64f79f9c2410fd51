"""A clerk's round trip: upload with 37 bad rows, read the report, mend only those, certify as another person, publish,
revert; each step from the command line and from the API.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from lumbung.errors import ApiError
from lumbung.ingest.v1.submission_service_pb2 import RowDifference, Submission

from support.commandline import CommandLine
from support.practice import CERTIFIER, CONTRIBUTOR, STEWARD

ROWS, BAD = 200, 37
HEADER = "kode;nama;pagu"


def _ceiling(code: int) -> str:
    return f"{code % 999 + 1}.000"


def _good(code: int) -> str:
    return f"{code:07d};Kantor {code};{_ceiling(code)}"


def _bad(code: int) -> str:
    """Every kind of mistake in turn: a code that lost its zeros, no name, a number in English, half a number."""
    return (
        f"{code % 1000};Kantor {code};{_ceiling(code)}",
        f"{code:07d};;{_ceiling(code)}",
        f"{code:07d};Kantor {code};1,234.5",
        f"{code:07d};Kantor {code};sepuluh",
    )[code % 4]


def _file(path: Path, first: int) -> Path:
    """`ROWS` rows, of which the first `BAD` are wrong."""
    lines = [(_bad if number < BAD else _good)(first + number) for number in range(ROWS)]
    path.write_text("\n".join([HEADER, *lines, ""]))
    return path


def _mend(bad: Path, to: Path, first: int) -> Path:
    """What the clerk does with the file of bad rows."""
    with bad.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert len(rows) == BAD
    assert all(row["lumbung_reasons"] for row in rows)
    for row in rows:
        code = first + int(row["lumbung_row"]) - 1
        row |= {"kode": f"{code:07d}", "nama": f"Kantor {code}", "pagu": _ceiling(code)}
    with to.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return to


class _Api:
    """Each step by the Python client."""

    def __init__(self, stack):
        self._stack = stack

    def _client(self, account):
        return self._stack.client(account)

    def upload(self, file, dataset, correction_of=""):
        uploads = self._client(CONTRIBUTOR).uploads
        return _plain(uploads.wait(uploads.send(file, dataset, correction_of=correction_of).name))

    def show(self, name):
        return _plain(self._client(CONTRIBUTOR).uploads.get(name))

    def report(self, account, name, path):
        self._client(account).submissions.download_report(name, path)

    def bad_rows(self, name, path):
        self._client(CONTRIBUTOR).submissions.download_bad_rows(name, path)

    def changes(self, name):
        found = self._client(CERTIFIER).submissions.compare(name)
        kinds = [RowDifference.Kind.Name(row.kind).removeprefix("KIND_") for row in found.rows]
        return (found.rows_added, found.rows_removed, found.rows_changed, found.rows_same), set(kinds)

    def certify(self, account, submission):
        client = self._client(account)
        done = client.submissions.certify(
            submission["name"],
            content_digest=submission["content_digest"],
            control_totals=submission["control_totals"],
        )
        return _plain(client.uploads.wait(done.name))

    def certify_fails(self, account, submission):
        with pytest.raises(ApiError) as caught:
            self.certify(account, submission)
        return caught.value.reason

    def revert(self, name):
        client = self._client(CERTIFIER)
        done = client.submissions.revert(name, "Pagu belum final")
        return _plain(client.uploads.wait(done.name))

    def steps(self, name):
        return [
            (step.action, step.actor)
            for step in self._client(CONTRIBUTOR).submissions.steps(name)
            if step.actor
        ]


def _plain(submission) -> dict[str, Any]:
    state = Submission.State.Name(submission.state).removeprefix("STATE_")
    return {
        **{
            name: getattr(submission, name)
            for name in ("name", "rows_good", "rows_bad", "message", "snapshot")
        },
        "content_digest": submission.content_digest,
        "control_totals": dict(submission.control_totals),
        "state": state,
    }


@dataclass
class _Cli:
    """Each step by `lumbung`."""

    clerk: CommandLine
    certifier: CommandLine

    def upload(self, file, dataset, correction_of=""):
        more = ["--correction-of", correction_of] if correction_of else []
        return self.clerk.ok("upload", file, "--dataset", dataset, *more)

    def show(self, name):
        return self.clerk.ok("submissions", "show", name)

    def _of(self, account):
        return self.clerk if account == CONTRIBUTOR else self.certifier

    def report(self, account, name, path):
        self._of(account).ok("submissions", "report", name, "--to", path)

    def bad_rows(self, name, path):
        self.clerk.ok("submissions", "bad-rows", name, "--to", path)

    def changes(self, name):
        found = self.certifier.ok("submissions", "diff", name, "--limit", "100")
        counts = tuple(int(found[f"rows_{kind}"]) for kind in ("added", "removed", "changed", "same"))
        return counts, {row["kind"] for row in found["rows"]}

    def certify(self, account, submission):
        command = self._of(account)
        return command.ok(
            "submissions", "certify", submission["name"], "--digest", submission["content_digest"]
        )

    def certify_fails(self, account, submission):
        line = ("submissions", "certify", submission["name"], "--digest", submission["content_digest"])
        return self._of(account).fails(*line)["reason"]

    def revert(self, name):
        return self.certifier.ok("submissions", "revert", name, "--reason", "Pagu belum final")

    def steps(self, name):
        return [
            (row["action"], row["actor"])
            for row in self.clerk.ok("submissions", "steps", name)
            if row["actor"]
        ]


def _check_report(way, name, folder):
    """The same findings in the three forms, for the clerk and for the certifier."""
    for account in (CONTRIBUTOR, CERTIFIER):
        for suffix in ("html", "xlsx", "json"):
            way.report(account, name, folder / f"report.{suffix}")
        report = json.loads((folder / "report.json").read_text())
        assert len({finding["row"] for finding in report["findings"]}) == BAD
        assert {finding["row"] for finding in report["findings"]} == set(range(1, BAD + 1))
        assert all(finding["remedy"]["id"] and finding["remedy"]["en"] for finding in report["findings"])
        findings = openpyxl.load_workbook(folder / "report.xlsx").worksheets[1]
        assert findings.max_row == len(report["findings"]) + 1
        page = (folder / "report.html").read_text()
        assert page.count("<tr><td class") >= BAD
        assert "sepuluh" in page


@pytest.mark.parametrize("kind", ["api", "cli"])
def test_a_clerks_round_trip(loaded_stack, practice, cli, tmp_path, kind):
    way = _Api(loaded_stack) if kind == "api" else _Cli(cli(CONTRIBUTOR), cli(CERTIFIER))
    dataset = practice.certified
    rows_before = practice.rows(dataset)
    first = 1_000_000 if kind == "api" else 2_000_000
    before = tmp_path / "before.csv"
    before.write_text("\n".join([HEADER, *(_good(first + number) for number in range(10)), ""]))
    base = way.upload(before, dataset)
    assert base["state"] == "VALIDATED", base["message"]
    base = way.certify(CERTIFIER, base)
    assert base["state"] == "PUBLISHED", base["message"]
    assert practice.rows(dataset) == 10

    sent = way.upload(_file(tmp_path / "offices.csv", first), dataset)
    assert (sent["state"], int(sent["rows_good"]), int(sent["rows_bad"])) == ("VALIDATED", ROWS - BAD, BAD)
    assert practice.rows(dataset) == 10
    _check_report(way, sent["name"], tmp_path)
    # Ten offices were there; of the file's, the first 37 wait in quarantine.
    assert way.changes(sent["name"]) == ((ROWS - BAD, 10, 0, 0), {"ADDED", "REMOVED"})

    way.bad_rows(sent["name"], tmp_path / "bad.csv")
    mended = way.upload(_mend(tmp_path / "bad.csv", tmp_path / "mended.csv", first), dataset, sent["name"])
    assert (mended["state"], int(mended["rows_good"]), int(mended["rows_bad"])) == ("VALIDATED", BAD, 0)
    assert way.certify_fails(CONTRIBUTOR, sent) == "ROLE_MISSING"

    for submission in (sent, mended):
        done = way.certify(CERTIFIER, submission)
        assert done["state"] == "PUBLISHED", done["message"]
    assert practice.rows(dataset) == ROWS
    assert way.show(base["name"])["state"] == "SUPERSEDED"
    snapshot = int(done["snapshot"].rpartition("/")[2])

    assert way.revert(mended["name"])["state"] == "REVERTED"
    assert practice.rows(dataset) == ROWS - BAD
    assert way.revert(sent["name"])["state"] == "REVERTED"
    assert practice.rows(dataset) == 10
    assert way.show(base["name"])["state"] == "PUBLISHED"
    # Who asks for what was known then gets the same answer.
    answer = loaded_stack.client(STEWARD).queries.run(
        f"SELECT count(*) AS n FROM {dataset}", snapshots={dataset: snapshot}
    )
    assert answer.table["n"][0].as_py() == ROWS
    assert way.steps(sent["name"]) == [("certify", CERTIFIER), ("revert", CERTIFIER)]
    assert way.revert(base["name"])["state"] == "REVERTED"
    assert practice.rows(dataset) == rows_before


def test_the_report_comes_over_rest_too(loaded_stack, practice, tmp_path):
    uploads = loaded_stack.client(CONTRIBUTOR).uploads
    sent = uploads.wait(uploads.send(_file(tmp_path / "offices.csv", 3_000_000), practice.certified).name)
    headers = {"authorization": f"Bearer {loaded_stack.token(CONTRIBUTOR)}"}

    def get(path, **params):
        return httpx.get(
            f"{loaded_stack.gateway_url}/v1/{sent.name}{path}",
            params=params,
            headers=headers,
            trust_env=False,
            timeout=30,
        )

    page = get(":report")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8"), page.text
    assert page.text.startswith("<!DOCTYPE html>")
    assert page.text.rstrip().endswith("</html>")
    report = get(":report", format="FORMAT_JSON")
    assert report.headers["content-type"] == "application/json"
    assert len({finding["row"] for finding in report.json()["findings"]}) == BAD
    rows = get(":badRows")
    assert rows.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(rows.content.decode("utf-8-sig").splitlines()) == BAD + 1
    refused = httpx.get(
        f"{loaded_stack.gateway_url}/v1/{sent.name}:report",
        headers={"authorization": f"Bearer {loaded_stack.token('analis-kanwil-32')}"},
        trust_env=False,
        timeout=30,
    )
    assert refused.status_code == 403
    withdrawn = loaded_stack.client(CONTRIBUTOR).submissions.withdraw(sent.name)
    assert withdrawn.state == Submission.STATE_WITHDRAWN
