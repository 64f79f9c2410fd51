"""SQL through the real service: policy below the SQL, limits, cancelling."""

import contextlib
import threading
import time
from decimal import Decimal

import grpc
import psutil
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lumbung.compute.v1 import query_service_pb2, query_service_pb2_grpc

pytestmark = pytest.mark.timeout(600)
ANALYST = "analis-kanwil-32"
Code = grpc.StatusCode


def reason(error):
    for detail in rpc_status.from_call(error).details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            return info.reason
    return None


def refused(world, sql, account="steward-pusat", **fields):
    with pytest.raises(grpc.RpcError) as caught:
        world.query(sql, account, **fields)
    return caught.value


def query_processes(world):
    service = psutil.Process(world.processes["service"].pid)
    found = []
    for child in service.children():
        # One that has just ended has no command line any more.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "compute_service.engine.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_a_steward_sees_all_and_sums_are_exact(query_world):
    answer = query_world.query(
        "SELECT count(*) n, count(DISTINCT province_code) p, sum(budget) b FROM apbd_panel WHERE year = 2010"
    )
    expected = sum(10**12 + p * 1000 + r for p in range(11, 45) for r in range(6)) * 3
    assert answer.table.to_pylist() == [{"n": 612, "p": 34, "b": Decimal(expected)}]
    read = answer.summary.tables[0]
    assert read.dataset == "datasets/apbd_panel"
    assert read.snapshot.startswith("datasets/apbd_panel/snapshots/")
    assert read.as_of.endswith("Z")
    assert not read.rows_withheld
    assert not read.masked_columns
    assert read.policy_version == "v1"
    assert answer.summary.cpu_seconds > 0


def test_an_analyst_sees_one_province_and_masked_submissions(query_world):
    answer = query_world.query(
        "SELECT province_code, submission, count(*) n FROM apbd_panel GROUP BY ALL", ANALYST
    )
    (row,) = answer.table.to_pylist()
    assert (row["province_code"], row["n"]) == ("32", 8 * 6 * 3)
    assert len(row["submission"]) == 64
    read = answer.summary.tables[0]
    assert read.rows_withheld
    assert list(read.masked_columns) == ["submission"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM apbd_panel WHERE province_code = '31'",
        "SELECT * FROM apbd_panel WHERE province_code <> '32'",
        "SELECT * FROM apbd_panel WHERE province_code IS NULL OR province_code = '31'",
        "SELECT * FROM apbd_panel WHERE province_code LIKE '3_' AND NOT province_code = '32'",
        "SELECT * FROM apbd_panel WHERE submission = 's-1'",
        "SELECT * FROM apbd_panel WHERE submission LIKE 's%' AND length(submission) < 10",
        "SELECT * FROM apbd_panel WHERE submission IN ('s-1', 's-2') OR submission < 'A' AND submission = 's-1'",
        "SELECT * FROM apbd_panel a JOIN apbd_panel b USING (region_code) WHERE b.province_code = '31'",
        "SELECT * FROM apbd_panel a SEMI JOIN (VALUES ('s-1')) v(s) ON a.submission = v.s",
        "SELECT 1 FROM apbd_panel HAVING count(*) FILTER (WHERE province_code <> '32') > 0",
        "SELECT 1 FROM apbd_panel HAVING min(submission) = 's-1'",
        "SELECT 1 FROM apbd_panel HAVING max(province_code) > '32' OR min(province_code) < '32'",
        "SELECT 1 FROM (SELECT sum(budget) s FROM apbd_panel) WHERE s > 200000000000000",
        "WITH apbd_panel AS (SELECT * FROM apbd_panel) SELECT * FROM apbd_panel WHERE province_code = '31'",
    ],
)
def test_neither_predicate_nor_aggregate_goes_round_the_policy(query_world, sql):
    assert query_world.query(sql, ANALYST).table.num_rows == 0


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(submission AS int) FROM apbd_panel",
        "SELECT CAST(province AS int) FROM apbd_panel WHERE province_code = '31' OR CAST(province AS int) > 1",
        "SELECT error(submission) FROM apbd_panel",
        "SELECT error(string_agg(DISTINCT province_code || submission, ',')) FROM apbd_panel",
        "SELECT strptime(region_name, '%Y') FROM apbd_panel ORDER BY region_code",
        "SELECT budget::int8 * 100000000000 FROM apbd_panel",
        "SELECT nothing FROM apbd_panel",
        "SELECT (SELECT region_name FROM apbd_panel)",
    ],
)
@pytest.mark.parametrize("language", ["en", "id"])
def test_errors_tell_nothing_that_is_hidden(query_world, sql, language):
    error = refused(query_world, sql, ANALYST, language=language)
    assert error.code() is Code.INVALID_ARGUMENT
    assert reason(error) == "QUERY_INVALID"
    text = error.details()
    assert "s-1" not in text
    for hidden in (
        "Provinsi 11",
        "Provinsi 31",
        "Daerah 11",
        "Daerah 44",
        "1000000011",
        "s3://",
        "/site-packages/",
    ):
        assert hidden not in text


def test_hidden_and_unknown_tables_look_the_same(query_world):
    texts = set()
    for name in ("apbd_hidden", "apbd_unknown", "sqlite_master", "pg_class", "x_csv"):
        for account in ("steward-pusat", ANALYST):
            error = refused(query_world, f"SELECT * FROM {name}", account)
            assert error.code() is Code.PERMISSION_DENIED
            assert reason(error) == "TABLE_DENIED"
            texts.add(error.details().replace(name, "NAME"))
    assert texts == {
        "There is no table NAME that you may read. See `lumbung datasets list`; for access ask steward-pusat."
    }
    error = refused(query_world, "SELECT * FROM apbd_panel", "pengunggah")
    assert error.code() is Code.PERMISSION_DENIED
    file = refused(query_world, "SELECT * FROM '/etc/passwd'", language="id")
    assert file.code() is Code.PERMISSION_DENIED
    assert "hubungi steward-pusat" in file.details()


def test_nobody_is_told_to_sign_in(query_world):
    with grpc.insecure_channel(query_world.address) as channel, pytest.raises(grpc.RpcError) as caught:
        list(
            query_service_pb2_grpc.QueryServiceStub(channel).RunQuery(
                query_service_pb2.RunQueryRequest(sql="SELECT 1")
            )
        )
    assert caught.value.code() is Code.UNAUTHENTICATED
    assert "lumbung login" in caught.value.details()


def test_the_catalog_hears_the_statement_and_the_purpose(query_world):
    sql = "SELECT count(*) FROM apbd_national"
    query_world.query(sql, purpose="rapat anggaran")
    asked = query_world.catalog.asked[-1]
    assert (asked.action, asked.door, asked.detail, asked.purpose) == ("read", "sql", sql, "rapat anggaran")
    assert asked.caller.username == "steward-pusat"
    assert list(asked.resources) == ["datasets/apbd_national"]


def test_a_cut_is_said_and_pieces_stay_small(query_world):
    answer = query_world.query("SELECT * FROM apbd_panel", max_rows=100)
    assert (answer.table.num_rows, answer.summary.rows, answer.summary.truncated) == (100, 100, True)
    whole = query_world.query("SELECT p.*, r.* FROM apbd_panel p, range(20) r")
    assert (whole.summary.rows, whole.summary.truncated) == (4896 * 20, False)
    assert max(whole.chunks) <= 2**20
    assert len(whole.chunks) > 5
    exact = query_world.query("SELECT * FROM apbd_panel LIMIT 100", max_rows=100)
    assert (exact.summary.rows, exact.summary.truncated) == (100, False)
    assert refused(query_world, "SELECT 1", max_rows=-1).code() is Code.INVALID_ARGUMENT


def test_an_answer_without_rows_has_its_columns(query_world):
    answer = query_world.query("SELECT year, budget FROM apbd_panel WHERE year = 1900")
    assert answer.table.column_names == ["year", "budget"]
    assert answer.table.num_rows == 0


def test_a_table_is_read_as_it_was(query_world):
    lake = query_world.lake
    before = lake.describe("apbd_national")
    row = lake.reader.scan("apbd_national", _all("apbd_national")).lazyframe.collect().head(1)
    lake.writer("apbd_national").append(row, run_id="later")
    sql = "SELECT count(*) n FROM apbd_national"
    now = query_world.query(sql)
    then = query_world.query(sql, snapshots={"apbd_national": before.snapshot_id})
    assert (now.table["n"][0].as_py(), then.table["n"][0].as_py()) == (before.rows + 1, before.rows)
    assert then.summary.tables[0].snapshot.endswith(f"/{before.snapshot_id}")
    assert refused(query_world, sql, snapshots={"apbd_national": 1}).code() is Code.NOT_FOUND
    assert refused(query_world, sql, snapshots={"apbd_panel": 1}).code() is Code.INVALID_ARGUMENT


def _all(dataset):
    from lake import allow_all

    return allow_all(dataset, "test")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r", "time"),
        ("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3", "time"),
        ("SELECT list(range) FROM range(3000000000)", "memory"),
        ("SELECT string_agg(repeat('x', 1000000) || range, '') FROM range(100000)", "memory"),
        ("SELECT repeat('x', 100000000) || range x FROM range(1000) ORDER BY x", "memory"),
    ],
)
def test_a_query_ends_at_its_limit_and_neighbours_do_not_notice(query_world, sql, code):
    caught = []

    def bad():
        caught.append(refused(query_world, sql))

    thread = threading.Thread(target=bad)
    thread.start()
    neighbours = 0
    while thread.is_alive():
        assert query_world.query("SELECT count(*) n FROM apbd_panel").table["n"][0].as_py() == 4896
        neighbours += 1
        time.sleep(0.2)
    thread.join()
    wanted = {"time": Code.DEADLINE_EXCEEDED, "memory": Code.RESOURCE_EXHAUSTED}[code]
    # A bomb may burn its time before it has filled its memory; either limit ends it.
    assert caught[0].code() in {wanted, Code.DEADLINE_EXCEEDED}
    assert neighbours >= 1
    assert query_world.processes["service"].poll() is None


def test_a_cancelled_query_ends_its_process(query_world):
    with grpc.insecure_channel(query_world.address) as channel:
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3"
        call = stub.RunQuery(
            query_service_pb2.RunQueryRequest(sql=sql), metadata=query_world.metadata("steward-pusat")
        )
        # A process that is only being warmed never uses this much; the query's own limit is 8 s.
        busy = _wait(
            lambda: [p for p in query_processes(query_world) if p.cpu_times().user > 2.5 and _works(p)],
            seconds=60,
        )
        call.cancel()
        _wait(lambda: not busy[0].is_running() or busy[0].status() == psutil.STATUS_ZOMBIE, seconds=4)


def test_a_caller_that_stops_reading_holds_the_query_back_and_leaves_it(query_world):
    service = psutil.Process(query_world.processes["service"].pid)
    with grpc.insecure_channel(query_world.address) as channel:
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        sql = "SELECT p.*, r.* FROM apbd_panel p, range(200) r"
        call = stub.RunQuery(
            query_service_pb2.RunQueryRequest(sql=sql), metadata=query_world.metadata("steward-pusat")
        )
        assert next(iter(call)).arrow_ipc
        time.sleep(1.5)
        assert service.memory_info().rss < 600 * 2**20
        call.cancel()
    time.sleep(0.5)
    assert query_world.query("SELECT 1 x").table["x"].to_pylist() == [1]


def test_query_processes_hold_no_secrets_and_die_with_the_service(query_world):
    query_world.query("SELECT 1")
    processes = _wait(lambda: query_processes(query_world))
    secret = query_world.database.password
    for process in processes:
        words = " ".join([*process.cmdline(), *process.environ().values()])
        assert secret not in words
        assert query_world.lake_settings["s3"]["secret_key"] not in words
    query_world.kill("service")
    _wait(
        lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes), seconds=5
    )
    query_world.start("service")
    assert query_world.query("SELECT 1 x").table["x"].to_pylist() == [1]


def _works(process):
    before = process.cpu_times().user
    time.sleep(0.2)
    return process.cpu_times().user - before > 0.1


def _wait(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
