"""After everything else (files run in order of their names): the audit log's chain still holds."""

import time

AUDITOR = "auditor-pusat"


def test_the_audit_log_is_intact(cli):
    answer = cli(AUDITOR).ok("audit", "verify", seconds=300)
    assert answer["intact"] is True
    assert int(answer["entries"]) > 0
    assert len(answer["head"]) == 64


def test_what_was_denied_is_in_it(cli):
    """A reading that the decision refused is found by its trace."""
    error = cli("analis-kanwil-32").fails("sql", "SELECT * FROM practice_offices")
    assert error["exit_code"] == 4
    deadline = time.monotonic() + 15
    while True:
        entries = cli(AUDITOR).ok("audit", "list", "--username", "analis-kanwil-32", "--limit", "20")
        outcomes = {entry["outcome"] for entry in entries if entry["trace_id"] == error["trace_id"]}
        if outcomes or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert outcomes
    assert outcomes <= {"denied", "PERMISSION_DENIED"}


def test_nobody_else_reads_it(cli):
    for account in ("steward-pusat", "perekayasa-pusat", "analis-kanwil-32"):
        assert cli(account).fails("audit", "list")["exit_code"] == 4
