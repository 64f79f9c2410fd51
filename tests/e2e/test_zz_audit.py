"""After everything else (files run in order of their names): the audit log's chain still holds."""

AUDITOR = "auditor-pusat"


def test_the_audit_log_is_intact(cli):
    answer = cli(AUDITOR).ok("audit", "verify", seconds=300)
    assert answer["intact"] is True
    assert int(answer["entries"]) > 0
    assert len(answer["head"]) == 64


def test_what_was_denied_is_in_it(cli):
    """The analyst's refused reading of a hidden table, as `denied`."""
    analyst = cli("analis-kanwil-32")
    assert analyst.fails("sql", "SELECT * FROM apbd_reconciliation_hidden")["exit_code"] == 4
    entries = cli(AUDITOR).ok("audit", "list", "--username", "analis-kanwil-32", "--limit", "20")
    assert any(
        (entry["outcome"] in {"denied", "PERMISSION_DENIED"} and "RunQuery" in entry["action"])
        or entry["outcome"] == "denied"
        for entry in entries
    )


def test_nobody_else_reads_it(cli):
    for account in ("steward-pusat", "perekayasa-pusat", "analis-kanwil-32"):
        assert cli(account).fails("audit", "list")["exit_code"] == 4
