"""A provincial office sees its own province, whatever it asks; the head office sees all; nobody sees nothing."""

import httpx
import pytest

from lumbung.catalog.v1 import dataset_service_pb2

from support.practice import STEWARD

ANALYST = "analis-kanwil-32"
REGIONAL = ("apbd_panel", "apbd_by_province")
# Every way to ask gives provinces in its first column.
QUESTIONS = {
    "plain": "SELECT DISTINCT province_code FROM {table}",
    "all-columns": "SELECT province_code, * FROM {table} LIMIT 500",
    "aggregate": "SELECT province_code, count(*), sum(budget) FROM {table} GROUP BY province_code",
    "extremes": "SELECT unnest([min(province_code), max(province_code)]) FROM {table}",
    "subquery": "SELECT p FROM (SELECT province_code AS p, budget FROM {table} WHERE budget >= 0) GROUP BY p",
    "scalar-subquery": "SELECT (SELECT string_agg(DISTINCT province_code, ',') FROM {table})",
    "correlated": "SELECT DISTINCT o.province_code FROM {table} o WHERE EXISTS (SELECT 1 FROM {table} i WHERE i.year = o.year)",
    "cte": "WITH c AS (SELECT * FROM {table}), d AS (SELECT province_code FROM c) SELECT DISTINCT province_code FROM d",
    "recursive-cte": "WITH RECURSIVE c(p, n) AS (SELECT DISTINCT province_code, 1 FROM {table} UNION ALL SELECT p, n + 1 FROM c WHERE n < 3) SELECT DISTINCT p FROM c",
    "window": "SELECT first_value(province_code) OVER (ORDER BY province_code), last_value(province_code) OVER () FROM {table} LIMIT 50",
    "rank": "SELECT province_code FROM {table} QUALIFY row_number() OVER (PARTITION BY province_code ORDER BY year) = 1",
    "union": "SELECT province_code FROM {table} UNION SELECT province_code FROM {table} WHERE province_code <> '32'",
    "self-join": "SELECT DISTINCT b.province_code FROM {table} a JOIN {table} b ON a.year = b.year",
    "outer-join": "SELECT DISTINCT t.province_code FROM province p LEFT JOIN {table} t USING (province_code) WHERE t.province_code IS NOT NULL",
    "negated": "SELECT DISTINCT province_code FROM {table} WHERE NOT (province_code = '32') OR true",
    "grouping-sets": "SELECT coalesce(province_code, '32') FROM {table} GROUP BY ROLLUP (province_code)",
    "quoted": 'SELECT DISTINCT "province_code" FROM "{table}"',
    "other-case": "SELECT DISTINCT PROVINCE_CODE FROM {table}",
    "alias": "SELECT DISTINCT x.province_code FROM {table} AS x",
    "lateral": "SELECT DISTINCT l.p FROM {table} t, LATERAL (SELECT t.province_code AS p) l",
    "values-in": "SELECT DISTINCT province_code FROM {table} WHERE province_code IN ('31', '32', '33')",
}


@pytest.mark.parametrize("table", REGIONAL)
def test_the_office_sees_its_own_province_alone(loaded_stack, table):
    queries = loaded_stack.client(ANALYST).queries
    seen = {}
    for name, question in QUESTIONS.items():
        answer = queries.run(question.format(table=table))
        values = set(answer.table.column(0).to_pylist())
        seen[name] = (values, answer.summary.tables[0].rows_withheld)
    assert seen == dict.fromkeys(QUESTIONS, ({"32"}, True))


def test_every_dataset_that_the_office_may_read_is_one_of_these_or_names_no_other_province(loaded_stack):
    """A dataset with provinces that is added later and forgotten above is found here."""
    client = loaded_stack.client(ANALYST)
    readable = [entry.name.removeprefix("datasets/") for entry in client.catalog.list_datasets()]
    regional = set()
    for dataset in readable:
        if not client.catalog.get_dataset(dataset).latest_snapshot.name:
            continue
        answer = client.queries.run(f"SELECT * FROM {dataset} LIMIT 0")
        if "province_code" in answer.table.column_names:
            found = (
                client.queries.run(f"SELECT DISTINCT province_code AS p FROM {dataset}")
                .table["p"]
                .to_pylist()
            )
            if found != ["32"]:
                regional.add(dataset)
    # The table of provinces itself is a reference table.
    assert regional <= {"province"}


@pytest.mark.parametrize("table", REGIONAL)
def test_counts_tell_nothing_of_other_rows(loaded_stack, table):
    office, steward = loaded_stack.client(ANALYST).queries, loaded_stack.client(STEWARD).queries

    def count(queries, where):
        return queries.run(f"SELECT count(*) AS n FROM {table} WHERE {where}").table["n"][0].as_py()

    own = count(steward, "province_code = '32'")
    assert own > 0
    assert count(office, "true") == own
    assert count(office, "province_code = '32'") == own
    assert count(office, "province_code = '31'") == 0
    assert count(office, "province_code <> '32'") == 0
    assert count(steward, "true") > own
    provinces = steward.run(f"SELECT count(DISTINCT province_code) AS n FROM {table}").table["n"][0].as_py()
    assert provinces == 34


# Each fails on a row with another province's value in the message, when it can reach one.
TELLTALES = (
    "SELECT CAST(region_name AS INTEGER) FROM {table} WHERE province_code = '31'",
    "SELECT CAST(province AS INTEGER) FROM {table} WHERE province_code <> '32'",
    "SELECT error(province) FROM {table} WHERE province_code <> '32'",
    "SELECT CASE WHEN province_code = '31' THEN CAST(province AS INTEGER) ELSE 1 END FROM {table}",
)


@pytest.mark.parametrize("question", TELLTALES)
def test_errors_tell_nothing_of_other_rows(loaded_stack, question):
    """Either the question finds no row to fail on, or its error names no other province."""
    from lumbung.errors import ApiError

    others = loaded_stack.client(STEWARD).queries.run(
        "SELECT province FROM province WHERE province_code <> '32'"
    )
    try:
        answer = loaded_stack.client(ANALYST).queries.run(question.format(table="apbd_panel"))
    except ApiError as error:
        told = error.message
    else:
        told = str(answer.table.to_pylist()[:1000])
    assert [name for name in others.table["province"].to_pylist() if name in told] == []


def test_the_command_line_gives_the_same(cli):
    question = "SELECT province_code, count(*) AS n FROM apbd_panel GROUP BY province_code ORDER BY 1"
    office, steward = cli(ANALYST).ok("sql", question), cli(STEWARD).ok("sql", question)
    assert [row["province_code"] for row in office["rows"]] == ["32"]
    assert len(steward["rows"]) == 34
    assert office["rows"][0] in steward["rows"]
    assert office["summary"]["tables"][0]["rows_withheld"]
    assert not steward["summary"]["tables"][0].get("rows_withheld")


def test_a_masked_column_stays_masked_whatever_is_done_with_it(loaded_stack):
    question = "SELECT DISTINCT submission AS s FROM apbd_panel"
    plain = loaded_stack.client(STEWARD).queries.run(question)
    masked = loaded_stack.client(ANALYST).queries.run(question)
    assert list(masked.summary.tables[0].masked_columns) == ["submission"]
    known = set(plain.table["s"].to_pylist())
    for expression in ("submission", "upper(submission)", "submission || ''", "min(submission)"):
        answer = loaded_stack.client(ANALYST).queries.run(
            f"SELECT {expression} AS s FROM apbd_panel LIMIT 100"
        )
        assert not known & {str(value) for value in answer.table["s"].to_pylist()}
    for value in known:
        answer = loaded_stack.client(ANALYST).queries.run(
            f"SELECT count(*) AS n FROM apbd_panel WHERE submission = '{value}'"
        )
        assert answer.table["n"][0].as_py() == 0


@pytest.mark.parametrize(
    "command",
    [
        ("sql", "SELECT 1"),
        ("datasets", "list"),
        ("search", "anggaran"),
        ("lineage", "apbd_panel"),
        ("models", "list"),
        ("audit", "list"),
        ("pipelines", "list"),
        ("submissions", "list"),
    ],
    ids=lambda command: command[0],
)
def test_nobody_is_told_what_to_do(cli, command):
    nobody = cli()
    english = nobody.fails(*command)
    indonesian = nobody.fails("--language", "id", *command)
    assert english["exit_code"] == indonesian["exit_code"] == 3
    assert english["code"] == "UNAUTHENTICATED"
    assert "lumbung login" in english["message"]
    assert "lumbung login" in indonesian["message"]
    assert english["message"] != indonesian["message"]


def test_what_is_hidden_is_hidden_everywhere(cli, practice):
    """The datasets for practice are for contributors and stewards; the office does not learn that they exist."""
    office, steward = cli(ANALYST), cli(STEWARD)
    hidden = practice.offices
    assert hidden in str(steward.ok("datasets", "list"))
    assert hidden in str(steward.ok("search", "latihan"))
    for command in (("datasets", "list"), ("search", "latihan"), ("search", hidden), ("search", "practice")):
        assert "practice_" not in str(office.ok(*command)), command
    unknown = {}
    for dataset in (hidden, "no_such_dataset"):
        for command in (("datasets", "show"), ("lineage",)):
            done = office.run(*command, dataset, "-o", "json")
            told = (done.errors or done.output).replace(dataset, "X")
            told = told.replace(done.error["trace_id"], "T") if done.code else told
            unknown.setdefault(command, []).append((done.code, told))
        error = office.fails("sql", f"SELECT * FROM {dataset}")
        unknown.setdefault("sql", []).append((error["code"], error["message"].replace(dataset, "X")))
    for command, (first, second) in unknown.items():
        assert first == second, command
    assert steward.run("datasets", "show", hidden).code == 0


def test_lineage_names_nothing_hidden(loaded_stack, cli):
    """Every asset that the office's lineage names is one that it may know of."""
    office = loaded_stack.client(ANALYST)
    known = {entry.name for entry in office.catalog.list_datasets()}
    edges = cli(ANALYST).ok("lineage", "apbd_by_province")["edges"]
    named = {
        asset for edge in edges for asset in (edge["source"], edge["target"]) if asset.startswith("datasets/")
    }
    assert named
    assert named <= known


@pytest.mark.parametrize("account", [ANALYST, STEWARD])
def test_rest_gives_what_grpc_gives(loaded_stack, account):
    expected = sorted(entry.name for entry in loaded_stack.client(account).catalog.list_datasets())
    headers = {"authorization": f"Bearer {loaded_stack.token(account)}"}
    with httpx.Client(
        base_url=loaded_stack.gateway_url, headers=headers, trust_env=False, timeout=20
    ) as http:
        found, token = [], ""
        while True:
            page = (
                http.get("/v1/datasets", params={"page_size": 2, "page_token": token})
                .raise_for_status()
                .json()
            )
            found += [entry["name"] for entry in page.get("datasets", [])]
            token = page.get("nextPageToken") or page.get("next_page_token") or ""
            if not token:
                break
        assert sorted(found) == expected
        one = http.get("/v1/datasets/apbd_panel").raise_for_status().json()
        hidden = http.get("/v1/datasets/no_such_dataset")
    described = loaded_stack.client(account).catalog.get_dataset("apbd_panel")
    assert isinstance(described, dataset_service_pb2.Dataset)
    assert one["name"] == described.name
    assert hidden.status_code in {403, 404}
