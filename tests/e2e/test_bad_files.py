"""A file that cannot be published says why and what to do, changes no table, and leaves the service up."""

import pytest

from lumbung.ingest.v1.submission_service_pb2 import Submission

from support.bad_files import HEADER, long_line, offices, workbook_bomb
from support.practice import CONTRIBUTOR, refusals

MIB = 1024 * 1024
BAD = {
    "binary-called-csv": lambda path: path.write_bytes(b"\x7fELF" + bytes(range(256)) * 400),
    "png-called-csv": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 4000),
    # As a line of a gigabyte would: the guard looks no further than its limit of one MiB.
    "endless-line": lambda path: long_line(path, 3 * MIB),
    "duplicate-header": lambda path: path.write_text("kode;nama;pagu;nama\n0000001;A;1;B\n"),
    "wrong-column": lambda path: path.write_text("kode;kantor;pagu\n0000001;A;1\n"),
    "no-header": lambda path: path.write_text("\n\n\n"),
    "wrong-encoding": lambda path: path.write_bytes(f"{HEADER}\n0000001;Caf".encode() + b"\xe9;1\n"),
    "open-quote": lambda path: path.write_text(f'{HEADER}\n0000001;"A;1\n0000002;B;1\n'),
}


@pytest.fixture
def table(practice, tmp_path):
    """A table with three good rows, which are still there afterwards; then a good file is published again."""
    before = practice.publish(offices(tmp_path / "good.csv", 3, first=100), practice.offices)
    assert before.state == Submission.STATE_PUBLISHED, before.message
    snapshot = practice.snapshot(practice.offices)
    yield practice.offices
    assert practice.snapshot(practice.offices) == snapshot
    assert practice.rows(practice.offices) == 3
    after = practice.publish(offices(tmp_path / "after.csv", 2, first=200), practice.offices)
    assert (after.state, after.rows_good) == (Submission.STATE_PUBLISHED, 2)


def _assert_rejected(stack, submission):
    assert submission.state == Submission.STATE_REJECTED
    assert (submission.rows_good, submission.snapshot) == (0, "")
    told = {
        lang: stack.client(CONTRIBUTOR, lang).uploads.get(submission.name).message for lang in ("id", "en")
    }
    assert told["en"].startswith("Nothing was published. ")
    assert told["id"].startswith("Tidak ada yang diterbitkan. ")
    findings = {
        lang: stack.client(CONTRIBUTOR, lang).uploads.findings(submission.name) for lang in ("id", "en")
    }
    for language, found in findings.items():
        assert found
        # The message on the submission is made of the first finding: its cause and its remedy.
        assert found[0].message in told[language]
        assert found[0].remedy in told[language]
        assert found[0].message.endswith(".")
        assert found[0].remedy.endswith(".")


def test_bad_files_are_rejected(loaded_stack, practice, table, tmp_path):
    for name, write in BAD.items():
        file = tmp_path / f"{name}.csv"
        write(file)
        submission = practice.publish(file, table)
        assert submission.state == Submission.STATE_REJECTED, (name, submission.message)
        _assert_rejected(loaded_stack, submission)


def test_a_zip_bomb_is_rejected(loaded_stack, practice, table, tmp_path):
    bomb = workbook_bomb(tmp_path / "bomb.xlsx", 96)
    assert bomb.stat().st_size < MIB
    before = practice.snapshot(practice.workbook)
    submission = practice.publish(bomb, practice.workbook)
    _assert_rejected(loaded_stack, submission)
    assert "unpacks" in submission.message
    assert practice.snapshot(practice.workbook) == before


def test_a_workbook_that_is_none_is_rejected(loaded_stack, practice, table, tmp_path):
    file = tmp_path / "not.xlsx"
    file.write_text("kode;nama;pagu\n")
    _assert_rejected(loaded_stack, practice.publish(file, practice.workbook))


def test_the_command_line_says_it_with_its_exit_code(cli, table, tmp_path):
    file = tmp_path / "wrong.csv"
    file.write_text("kode;kantor;pagu\n0000001;A;1\n")
    contributor = cli(CONTRIBUTOR)
    done = contributor.run("upload", file, "--dataset", table, "-o", "json")
    assert done.code == 9
    assert done.json["state"] == "REJECTED"
    found = contributor.ok("submissions", "findings", done.json["name"])
    assert [entry["column"] for entry in found] == ["nama"]
    indonesian = contributor.ok("--language", "id", "submissions", "show", done.json["name"])
    assert indonesian["message"].startswith("Tidak ada yang diterbitkan.")


def test_an_empty_file_is_refused_at_once(loaded_stack, cli, table, tmp_path):
    file = tmp_path / "empty.csv"
    file.touch()
    errors = refusals(loaded_stack, CONTRIBUTOR, lambda client: client.uploads.send(file, table))
    assert (errors["en"].code, errors["en"].reason) == ("INVALID_ARGUMENT", "FILE_EMPTY")
    assert errors["en"].message == "The file is empty: 0 bytes. Send the file with its content."
    error = cli(CONTRIBUTOR).fails("upload", file, "--dataset", table)
    assert (error["reason"], error["exit_code"]) == ("FILE_EMPTY", 6)


def test_a_file_above_the_limit_is_refused_before_it_is_sent(loaded_stack, table, tmp_path):
    file = tmp_path / "large.csv"
    with file.open("wb") as sparse:
        sparse.truncate(2 * 1024**3 + 1)
    errors = refusals(loaded_stack, CONTRIBUTOR, lambda client: client.uploads.send(file, table))
    assert (errors["en"].code, errors["en"].reason) == ("RESOURCE_EXHAUSTED", "FILE_TOO_LARGE")
    assert "Split it" in errors["en"].message


@pytest.mark.parametrize("dataset", ["no_such_dataset", "apbd_by_province"])
def test_no_such_dataset_and_not_for_you_look_alike(loaded_stack, cli, table, tmp_path, dataset):
    file = offices(tmp_path / "offices.csv", 1)
    errors = refusals(loaded_stack, CONTRIBUTOR, lambda client: client.uploads.send(file, dataset))
    assert (errors["en"].code, errors["en"].reason) == ("PERMISSION_DENIED", "WRITING_DENIED")
    assert dataset in errors["en"].message
    assert dataset in errors["id"].message
    error = cli(CONTRIBUTOR).fails("upload", file, "--dataset", dataset)
    assert (error["reason"], error["exit_code"]) == ("WRITING_DENIED", 4)


def test_a_dataset_name_that_is_none_is_refused(loaded_stack, table, tmp_path):
    file = offices(tmp_path / "offices.csv", 1)
    for name in ("../province", "Province", "a b", "x" * 64):
        errors = refusals(
            loaded_stack, CONTRIBUTOR, lambda client, name=name: client.uploads.send(file, name)
        )
        assert errors["en"].code == "INVALID_ARGUMENT"
