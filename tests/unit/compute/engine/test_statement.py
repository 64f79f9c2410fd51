"""What a query may say: the allow-list on the engine's own parse tree."""

import duckdb
import pytest

from compute_service.engine.session import lock, open_connection
from compute_service.engine.statement import MAX_SQL_CHARS, inspect_statement
from compute_service.errors import StatementRefusedError

HOSTILE = [
    # writes and definitions
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "TRUNCATE t",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW v AS SELECT * FROM t",
    "CREATE TEMP TABLE x (a int)",
    "CREATE MACRO f(x) AS x + 1",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE SEQUENCE s",
    "CREATE TYPE e AS ENUM ('a')",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN b int",
    "COMMENT ON TABLE t IS 'x'",
    "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM new",
    "WITH changed AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM changed",
    # the engine itself
    "ATTACH 'other.db'",
    "ATTACH 'postgres://127.0.0.1/lake' AS pg (TYPE postgres)",
    "DETACH t",
    "USE other",
    "COPY t TO '/tmp/out.csv'",
    "COPY (SELECT * FROM t) TO 's3://bucket/out.parquet'",
    "COPY t FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    "PRAGMA database_list",
    "PRAGMA table_info('t')",
    "CALL pragma_version()",
    "CALL duckdb_settings()",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "SET VARIABLE x = 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "FORCE INSTALL spatial FROM 'http://127.0.0.1/'",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN TRANSACTION",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT * FROM t",
    "DESCRIBE t",
    "SUMMARIZE t",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SELECT * FROM (DESCRIBE t)",
    "SELECT * FROM (SHOW TABLES)",
    "FROM (SUMMARIZE t)",
    # table functions
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM READ_CSV_AUTO('/etc/passwd')",
    "SELECT * FROM \"read_csv\"('/etc/passwd')",
    "SELECT * FROM read_parquet('s3://lumbung-lake/tables/x.parquet')",
    "SELECT * FROM parquet_scan(['a', 'b'])",
    "SELECT * FROM read_json('http://169.254.169.254/latest')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_blob('/proc/self/mem')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM query('SELECT * FROM read_csv(''x'')')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM seq_scan('t')",
    "SELECT * FROM repeat_row(1, num_rows = 5)",
    "SELECT * FROM summary('t')",
    "SELECT * FROM enable_logging()",
    # hidden in a place where somebody might not look
    "WITH x AS (SELECT * FROM read_csv('a')) SELECT * FROM x",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT * FROM read_csv('a')) SELECT * FROM x",
    "SELECT 1 UNION ALL SELECT * FROM read_csv('a')",
    "SELECT (SELECT count(*) FROM read_csv('a'))",
    "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM read_csv('a'))",
    "SELECT * FROM t WHERE a IN (SELECT a FROM read_csv('a'))",
    "SELECT * FROM t ORDER BY (SELECT 1 FROM read_csv('a'))",
    "SELECT * FROM t LIMIT (SELECT count(*) FROM read_csv('a'))",
    "SELECT sum(a) OVER (ORDER BY (SELECT 1 FROM read_csv('a'))) FROM t",
    "SELECT CASE WHEN true THEN (SELECT 1 FROM read_csv('a')) END",
    "SELECT * FROM t JOIN LATERAL (SELECT * FROM read_csv('a')) x ON true",
    "SELECT * FROM t GROUP BY ALL HAVING (SELECT true FROM read_csv('a'))",
    "SELECT list_transform([1], x -> (SELECT 1 FROM read_csv('a')))",
    "VALUES ((SELECT 1 FROM read_csv('a')))",
    "SELECT/**/*/**/FROM/**/read_csv/**/('a')",
    "SELECT * FROM t -- harmless\n, read_csv('a')",
    "SELECT * FROM t PIVOT (sum(b) FOR a IN (1)), read_csv('x')",
    # scalar functions that tell or do too much
    "SELECT current_setting('memory_limit')",
    "SELECT getvariable('x')",
    "SELECT nextval('s')",
    "SELECT version()",
    "SELECT current_database()",
    "SELECT current_query()",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(1000)",
    "SELECT write_log('x')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT json_deserialize_sql('{}')",
    "SELECT txid_current()",
    "SELECT main.abs(1)",
    "SELECT system.main.upper('a')",
    # more than one, or none
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "SELECT 1;;COPY t TO 'x'",
    "",
    ";",
    "-- nothing",
    "SELECT",
    "SELEKT 1",
    "SELECT 1 \x00",
    "SELECT * FROM t WHERE a = $1",
    "SELECT ?",
    "SELECT * FROM t AT (VERSION => 1)",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "1 + " * 20_000 + "1",
    "SELECT '" + "x" * MAX_SQL_CHARS + "'",
]

STRANGERS = [
    ("SELECT * FROM 'a.csv'", "a.csv"),
    ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
    ('SELECT * FROM "https://example.invalid/x.parquet"', "https://example.invalid/x.parquet"),
    ("FROM 's3://lumbung-lake/tables/*.parquet'", "s3://lumbung-lake/tables/*.parquet"),
    ("SELECT * FROM information_schema.tables", "information_schema.tables"),
    ("SELECT * FROM pg_catalog.pg_class", "pg_catalog.pg_class"),
    ("SELECT * FROM memory.main.t", "memory.main.t"),
    ('SELECT * FROM "Ṭable"', "ṭable"),
    ('SELECT * FROM "a""b"', 'a"b'),
    ("SELECT * FROM t, (SELECT * FROM 'x.parquet') y", "x.parquet"),
    ("WITH x AS (SELECT * FROM 'x.parquet') SELECT * FROM x", "x.parquet"),
    ("SELECT * FROM t UNION SELECT * FROM 'x.parquet'", "x.parquet"),
]

GOOD = [
    ("SELECT 1", ()),
    ("FROM t", ("t",)),
    ("TABLE t", ("t",)),
    ("SELECT * FROM T", ("t",)),
    ('SELECT a."b c" FROM "t" a', ("t",)),
    ("SELECT sum(b), count(*), avg(b) FILTER (WHERE a > 1) FROM t GROUP BY ALL ORDER BY ALL", ("t",)),
    ("SELECT * FROM t JOIN u USING (k) LEFT JOIN v ON v.k = u.k", ("t", "u", "v")),
    ("SELECT * FROM t WHERE x IN (SELECT x FROM u) AND EXISTS (SELECT 1 FROM v)", ("t", "u", "v")),
    ("WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM b", ("t",)),
    ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ("t",)),
    ("WITH A AS (SELECT 1) SELECT * FROM a", ()),
    ("WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r", ()),
    ("SELECT * FROM (WITH inner_one AS (SELECT 1) SELECT * FROM inner_one) x, inner_one", ("inner_one",)),
    ("SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t QUALIFY row_number() OVER () = 1", ("t",)),
    ("SELECT * EXCLUDE (a) REPLACE (b + 1 AS b), COLUMNS('x.*') FROM t", ("t",)),
    ("SELECT CAST(a AS DECIMAL(38, 2)), a::date, TRY_CAST(b AS int), INTERVAL 1 DAY, DATE '2020-01-01' FROM t", ("t",)),
    ("SELECT * FROM t TABLESAMPLE 10%", ("t",)),
    ("SELECT x FROM unnest([1, 2]) AS u(x), range(3) r", ()),
    ("SELECT * FROM t PIVOT (sum(b) FOR a IN (1, 2))", ("t",)),
    ("SELECT a FROM t UNION ALL BY NAME SELECT a FROM u INTERSECT SELECT a FROM v", ("t", "u", "v")),
    ("SELECT CASE WHEN a LIKE 'x%' OR a ILIKE 'y' THEN 1 ELSE 2 END, a ~ 'z', a || 'b', coalesce(a, 'c') FROM t", ("t",)),
    ("SELECT extract(year FROM d), date_trunc('month', d), strftime(d, '%Y'), now(), current_date FROM t", ("t",)),
    ("SELECT list_transform([1, 2], x -> x + 1), {'a': 1}.a, [1, 2, 3][1:2], MAP {'a': 1}", ()),
    ("SELECT DISTINCT ON (a) * FROM t ORDER BY a NULLS LAST LIMIT 10 OFFSET 5", ("t",)),
    ("SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a), ()) HAVING sum(b) > 0", ("t",)),
    ("SELECT median(b), quantile_cont(b, 0.9), string_agg(a, ',' ORDER BY a) FROM t", ("t",)),
    ("/* a comment */ SELECT 'DROP TABLE t; --' FROM t -- and another", ("t",)),
    ("SELECT * FROM t ASOF JOIN u ON t.k = u.k AND t.d >= u.d", ("t", "u")),
]  # fmt: skip


@pytest.fixture(scope="module")
def parser():
    connection = open_connection(None, None)
    lock(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize("sql", HOSTILE, ids=[text[:60] for text in HOSTILE])
def test_a_hostile_statement_is_refused(parser, sql):
    with pytest.raises(StatementRefusedError) as caught:
        inspect_statement(parser, sql)
    assert caught.value.field == "sql"
    assert caught.value.message.id
    assert len(caught.value.message.en) < 700


def test_there_are_enough_hostile_statements():
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize(("sql", "name"), STRANGERS)
def test_a_name_that_cannot_be_a_dataset_is_told_apart(parser, sql, name):
    assert name in inspect_statement(parser, sql).strangers


@pytest.mark.parametrize(("sql", "tables"), GOOD, ids=[text[:60] for text, _ in GOOD])
def test_the_datasets_of_a_good_statement_are_found(parser, sql, tables):
    statement = inspect_statement(parser, sql)
    assert (statement.tables, statement.strangers) == (tables, ())


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '/tmp/lumbung-must-not-exist.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/passwd'",
        "ATTACH '/tmp/lumbung-must-not-exist.db'",
        "EXPORT DATABASE '/tmp/lumbung-must-not-exist'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SET python_enable_replacements = true",
        "RESET lock_configuration",
    ],
)
def test_behind_the_guard_the_engine_itself_refuses(parser, sql):
    """The second wall: were the guard to fail, there is still no file, extension or setting to be had."""
    with pytest.raises(duckdb.Error):
        parser.execute(sql).fetchall()


def test_behind_the_guard_python_objects_are_out_of_reach(parser):
    secret = [1]
    with pytest.raises(duckdb.Error):
        parser.execute("SELECT * FROM secret").fetchall()
    assert secret
