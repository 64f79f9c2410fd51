"""The SQL use case: parse, decide, read; nothing is read before it is decided."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from compute_service.domain.query import QueryLimits, QuerySummary, TableRead
from compute_service.errors import QueryInvalidError, QueryMemoryError, TableDeniedError
from compute_service.ports.outside import OpenQuery, QueryEngine
from compute_service.service.queries import QueryService
from lake import ReadDecision, allow_all, deny
from servicekit.auth import Principal
from servicekit.errors import Text

LIMITS = QueryLimits(100, 2**20, 2**30, 10.0, 10.0, 2**20, 1)
PRINCIPAL = Principal("s", "analis", frozenset({"viewer"}))
SUMMARY = QuerySummary(1, False, 0.1, (TableRead("t", 1, datetime.now(UTC), False, (), "v"),))


@dataclass
class Decided:
    resource: str
    read: ReadDecision
    ask: str = "pak-budi"

    @property
    def allowed(self):
        return self.read.allowed


class FakeCatalog:
    def __init__(self, allowed=("t", "u")):
        self.allowed, self.asked = allowed, []

    async def decide(self, principal, resources, **fields):
        self.asked.append((principal, list(resources), fields))
        names = [name.removeprefix("datasets/") for name in resources]
        return [
            Decided(f"datasets/{name}", allow_all(name, "test") if name in self.allowed else deny(name))
            for name in names
        ]


class FakeQuery(OpenQuery):
    def __init__(self, tables, strangers, parts):
        self._tables, self._strangers, self._parts = tables, strangers, parts
        self.killed, self.ran = False, None

    async def tables(self, sql):
        return list(self._tables), list(self._strangers)

    async def run_query(self, sql, tables):
        self.ran = tables
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def kill(self):
        self.killed = True


class FakeEngine(QueryEngine):
    def __init__(self, *tables, strangers=(), parts=(b"a", b"b", SUMMARY)):
        self.query = FakeQuery(tables, strangers, parts)
        self.limits, self.closed = None, False

    @asynccontextmanager
    async def open(self, limits):
        self.limits = limits
        try:
            yield self.query
        finally:
            self.closed = True


async def collected(service, sql="SELECT 1", **fields):
    return [part async for part in service.run_query(PRINCIPAL, sql, **fields)]


async def test_a_query_is_decided_then_run_with_its_decisions():
    engine, catalog = FakeEngine("t", "u"), FakeCatalog()
    service = QueryService(engine, catalog, LIMITS)
    parts = await collected(service, "SELECT x", purpose="why", snapshots={"u": 7}, max_rows=5)
    assert parts == [b"a", b"b", SUMMARY]
    principal, resources, fields = catalog.asked[0]
    assert (principal, resources) == (PRINCIPAL, ["datasets/t", "datasets/u"])
    assert fields == {"action": "read", "door": "sql", "purpose": "why", "detail": "SELECT x"}
    assert [(table.dataset, table.snapshot_id) for table in engine.query.ran] == [("t", None), ("u", 7)]
    assert engine.query.ran[0].decision["allowed"] is True
    assert engine.limits.max_rows == 5
    assert engine.closed
    assert not engine.query.killed


async def test_no_table_needs_no_decision():
    engine, catalog = FakeEngine(), FakeCatalog()
    await collected(QueryService(engine, catalog, LIMITS))
    assert catalog.asked == []


@pytest.mark.parametrize(
    ("tables", "strangers"), [(["t", "x"], []), (["x"], []), (["t"], ["a.csv"]), ([], ["a.csv"])]
)
async def test_one_denied_or_strange_table_stops_everything(tables, strangers):
    engine = FakeEngine(*tables, strangers=strangers)
    with pytest.raises(TableDeniedError) as caught:
        await collected(QueryService(engine, FakeCatalog(), LIMITS))
    assert engine.query.ran is None
    assert "x" in caught.value.message.en or "a.csv" in caught.value.message.en
    assert caught.value.remedy.id


async def test_snapshots_of_other_tables_and_negative_limits_are_refused():
    service = QueryService(FakeEngine("t"), FakeCatalog(), LIMITS)
    with pytest.raises(QueryInvalidError):
        await collected(service, snapshots={"u": 1})
    with pytest.raises(QueryInvalidError):
        await collected(service, max_rows=-1)


async def test_the_services_limit_is_the_upper_one():
    engine = FakeEngine()
    service = QueryService(engine, FakeCatalog(), LIMITS)
    for asked, given in ((0, 100), (50, 50), (10**9, 100)):
        await collected(service, max_rows=asked)
        assert engine.limits.max_rows == given


async def test_a_caller_that_leaves_has_its_process_killed():
    engine = FakeEngine("t")
    answer = QueryService(engine, FakeCatalog(), LIMITS).run_query(PRINCIPAL, "SELECT 1")
    assert await anext(answer) == b"a"
    await answer.aclose()
    assert engine.query.killed
    assert engine.closed


async def test_an_error_of_the_query_itself_does_not_kill_a_good_process():
    error = QueryMemoryError(Text(en="m", id="m"))
    engine = FakeEngine("t", parts=(b"a", error))
    with pytest.raises(QueryMemoryError):
        await collected(QueryService(engine, FakeCatalog(), LIMITS))
    assert not engine.query.killed
    broken = FakeEngine("t", parts=(ValueError("x"),))
    with pytest.raises(ValueError, match="x"):
        await collected(QueryService(broken, FakeCatalog(), LIMITS))
    assert broken.query.killed
