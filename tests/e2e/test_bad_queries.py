"""SQL that writes, reads files, loops or eats memory is refused or ended, and queries go on being answered."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lumbung.errors import ApiError

from support.practice import refusals

ANALYST = "analis-kanwil-32"
STEWARD = "steward-pusat"
WRITES = (
    "INSERT INTO province VALUES ('99', 'X')",
    "UPDATE apbd_panel SET budget = 0",
    "DELETE FROM apbd_panel",
    "DROP TABLE apbd_panel",
    "CREATE TABLE x AS SELECT * FROM province",
    "ALTER TABLE province ADD COLUMN x INTEGER",
    "TRUNCATE province",
    "COPY (SELECT * FROM province) TO '/tmp/province.csv'",
    "EXPORT DATABASE '/tmp/export'",
    "ATTACH '/tmp/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "SELECT 1; DROP TABLE province",
    "WITH gone AS (DELETE FROM province RETURNING *) SELECT * FROM gone",
    "BEGIN TRANSACTION",
    "VACUUM",
)
FILES = (
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_parquet('s3://lumbung-lake/**/*.parquet')",
    "SELECT * FROM parquet_scan('/tmp/*.parquet')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM read_json('http://127.0.0.1:1/x.json')",
    "SELECT * FROM iceberg_scan('s3://lumbung-lake/x')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM quarantine.apbd_panel",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) AS x FROM province",
)
HUNGRY = (
    "SELECT list(account || row) FROM (SELECT a.account, b.region_code AS row FROM apbd_panel a, apbd_panel b)",
    "SELECT max(length(repeat(account, 20000000))) FROM apbd_panel",
)
ENDLESS = (
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(*) FROM apbd_panel a, apbd_panel b, apbd_panel c WHERE a.budget + b.budget < c.realisation",
)
NONSENSE = ("", "SELECT", "SELEC 1", "SELECT no_such_column FROM province", "SELECT 1/'x'", "SELECT * FROM")


@pytest.fixture(autouse=True)
def queries_are_answered(loaded_stack):
    """After every test a good query is answered, and soon."""
    yield
    begin = time.monotonic()
    answer = loaded_stack.client(STEWARD).queries.run("SELECT count(*) AS n FROM province")
    assert answer.table["n"][0].as_py() > 0
    assert time.monotonic() - begin < 20


def _refused(stack, statements, codes):
    wrong = {}
    for sql in statements:
        try:
            errors = refusals(
                stack, STEWARD, lambda client, sql=sql: client.queries.run(sql, timeout_seconds=90)
            )
        except AssertionError as error:
            wrong[sql] = f"{error}"
            continue
        error = errors["en"]
        # A sentence that says what is wrong and one that says what to do.
        if error.code not in codes or not error.reason or error.message.count(".") < 2:
            wrong[sql] = (error.code, error.reason, error.message)
    return wrong


def test_statements_that_write_are_refused(loaded_stack):
    assert _refused(loaded_stack, WRITES, {"INVALID_ARGUMENT"}) == {}


def test_statements_that_read_elsewhere_are_refused(loaded_stack):
    assert _refused(loaded_stack, FILES, {"INVALID_ARGUMENT", "PERMISSION_DENIED"}) == {}


def test_nonsense_is_refused(loaded_stack):
    assert _refused(loaded_stack, NONSENSE, {"INVALID_ARGUMENT"}) == {}


def test_hungry_queries_are_ended(loaded_stack):
    assert _refused(loaded_stack, HUNGRY, {"RESOURCE_EXHAUSTED"}) == {}


def test_an_endless_query_ends_when_nobody_waits(loaded_stack, cli):
    """The caller's deadline is the query's too."""

    def ask(sql):
        with loaded_stack.new_client(STEWARD) as client:
            try:
                client.queries.run(sql, timeout_seconds=3)
            except ApiError as error:
                return error
        return None

    with ThreadPoolExecutor(4) as pool:
        errors = list(pool.map(ask, ENDLESS * 2))
    assert [error.code for error in errors] == ["DEADLINE_EXCEEDED"] * 4
    # Four had all places; they are free again.
    begin = time.monotonic()
    assert cli(STEWARD).ok("sql", "SELECT 1 AS one")["rows"] == [{"one": 1}]
    assert time.monotonic() - begin < 15


def test_an_endless_query_is_ended_by_the_platform(loaded_stack):
    """Two threads use up the seconds of processor time that a query may have."""
    errors = {}
    with loaded_stack.new_client(STEWARD, "id") as client:
        try:
            client.queries.run(ENDLESS[1], timeout_seconds=120)
        except ApiError as error:
            errors["id"] = error
    assert (errors["id"].code, errors["id"].reason) == ("DEADLINE_EXCEEDED", "QUERY_TIME")
    assert errors["id"].message.count(".") >= 2


def test_an_unknown_table_says_how_to_find_one(loaded_stack, cli):
    errors = refusals(loaded_stack, ANALYST, lambda client: client.queries.run("SELECT * FROM no_such_table"))
    assert (errors["en"].code, errors["en"].reason) == ("PERMISSION_DENIED", "TABLE_DENIED")
    assert "no_such_table" in errors["id"].message
    assert "lumbung datasets list" in errors["en"].message
    assert cli(ANALYST).fails("sql", "SELECT * FROM no_such_table")["exit_code"] == 4


def test_a_query_above_the_length_limit_is_refused(loaded_stack):
    sql = "SELECT " + " + ".join(["1"] * 500_000)
    errors = refusals(loaded_stack, STEWARD, lambda client: client.queries.run(sql))
    assert errors["en"].code in {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
