"""Datasets for tests alone, made through the public API. What the main job publishes is left alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lumbung.errors import ApiError
from lumbung.ingest.v1.submission_service_pb2 import Submission

from support.stack import RunningStack

__all__ = ["Practice", "refusals"]

STEWARD = "steward-pusat"
CONTRIBUTOR = "kontributor-pusat"
CERTIFIER = "pengesah-pusat"
_DECLARATION = """
kind: Dataset
name: {name}
display_name: {{id: Latihan, en: Practice}}
description: {{id: Hanya untuk uji otomatis., en: For automatic tests only.}}
owner: steward-pusat
tags: [intake, practice]
contract:
  version: 1
  format: {form}
  columns:
    - {{name: office_code, source: kode, type: code, key: true, pattern: "[0-9]{{7}}"}}
    - {{name: office, source: nama, type: text, required: true}}
    - {{name: ceiling, source: pagu, type: "decimal(20,0)", style: {{decimal: ",", group: "."}}}}
  key: {{on_repeat: quarantine}}
  publish: {{mode: {mode}}}
"""
_CSV = '{type: csv, delimiter: ";"}'
OFFICES, LEDGER, WORKBOOK = "practice_offices", "practice_ledger", "practice_workbook"
CERTIFIED = "practice_certified"
_DATASETS = {
    OFFICES: (_CSV, "overwrite"),
    LEDGER: (_CSV, "append"),
    WORKBOOK: ("{type: xlsx}", "overwrite"),
    CERTIFIED: (_CSV, "overwrite, certify: required"),
}


@dataclass(frozen=True)
class Practice:
    """The datasets: one replaced by every file, one that grows, one that takes workbooks, one that a second person releases."""

    stack: RunningStack
    offices: str = OFFICES
    ledger: str = LEDGER
    workbook: str = WORKBOOK
    certified: str = CERTIFIED

    def declare(self) -> None:
        """Applies the declarations; the same again changes nothing."""
        for name, (form, mode) in _DATASETS.items():
            self.stack.client(STEWARD).catalog.apply_dataset(
                _DECLARATION.format(name=name, form=form, mode=mode)
            )

    def publish(self, file: Path, dataset: str) -> Submission:
        """Uploads as contributor and waits for the end, whatever it is."""
        uploads = self.stack.client(CONTRIBUTOR).uploads
        return uploads.wait(uploads.send(file, dataset).name)

    def rows(self, dataset: str) -> int:
        """Rows that SQL sees, 0 where nothing was ever published."""
        if not self.snapshot(dataset):
            return 0
        answer = self.stack.client(STEWARD).queries.run(f"SELECT count(*) AS n FROM {dataset}")
        return int(answer.table["n"][0].as_py())

    def snapshot(self, dataset: str) -> str:
        """Name of the newest snapshot."""
        return str(self.stack.client(STEWARD).catalog.get_dataset(dataset).latest_snapshot.name)


def refusals(stack: RunningStack, account: str, attempt: Callable[..., object]) -> dict[str, ApiError]:
    """The errors of `attempt(client)` by language; it has to fail the same way in both."""
    errors = {}
    for language in ("id", "en"):
        client = stack.client(account, language) if account else stack.nobody(language)
        try:
            attempt(client)
        except ApiError as error:
            errors[language] = error
        else:
            raise AssertionError("it was let through")
    first, second = errors.values()
    assert (first.code, first.reason, first.field) == (second.code, second.reason, second.field)
    assert first.message != second.message
    return errors
