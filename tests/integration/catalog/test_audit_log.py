"""The audit log in real PostgreSQL: gapless under concurrency, kept over restarts, tampering shown."""

import asyncio
import uuid
from datetime import UTC, datetime

import grpc
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.catalog.v1 import audit_service_pb2 as pb

from support.catalog_server import run_catalog


def _entry(number=0, **changes):
    stamp = Timestamp()
    stamp.FromDatetime(datetime(2026, 11, 24, 5, 0, 0, number, tzinfo=UTC))
    values = {
        "uid": str(uuid.uuid4()),
        "time": stamp,
        "username": f"user-{number % 7}",
        "action": "lumbung.ingest.v1.UploadService/FinishUpload",
        "resource": f"uploads/{number % 3}",
        "outcome": "OK",
    } | changes
    return pb.AuditEntry(**values)


async def _record(catalog, *entries):
    await catalog.audit.RecordAuditEntries(
        pb.RecordAuditEntriesRequest(entries=entries), metadata=catalog.by("svc-compute")
    )


async def _verify(catalog):
    return await catalog.audit.VerifyAuditLog(
        pb.VerifyAuditLogRequest(), metadata=catalog.by("auditor-pusat")
    )


def _rows(database, statement="SELECT sequence FROM audit_entries ORDER BY sequence"):
    with psycopg.connect(database.dsn) as connection:
        return connection.execute(statement).fetchall()


def _tamper(postgres_server, database, *statements):
    """As somebody who owns the server: triggers and rights do not hold for them."""
    dsn = postgres_server.superuser_dsn.rsplit("/", 1)[0] + f"/{database.database}"
    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


async def test_a_thousand_entries_from_eight_tasks_make_one_chain(empty_catalog, database):
    async def write(task):
        for start in range(0, 125, 5):
            await _record(empty_catalog, *(_entry(task * 125 + start + step) for step in range(5)))

    await asyncio.gather(*(write(task) for task in range(8)))
    verified = await _verify(empty_catalog)
    assert (verified.intact, verified.entries, verified.broken_sequence) == (True, 1000, 0)
    assert [row[0] for row in _rows(database)] == list(range(1, 1002))  # the verification is an entry too


async def test_two_replicas_write_one_chain(empty_catalog, database, issuer):
    async with run_catalog(database, issuer) as other:

        async def write(catalog):
            for number in range(60):
                await _record(catalog, _entry(number))

        await asyncio.gather(write(empty_catalog), write(other), write(empty_catalog), write(other))
        verified = await _verify(other)
        assert (verified.intact, verified.entries) == (True, 240)


async def test_the_same_entry_twice_is_kept_once(empty_catalog, database):
    entry = _entry()
    await asyncio.gather(*(_record(empty_catalog, entry, entry) for _ in range(5)))
    assert len(_rows(database)) == 1


async def test_the_chain_goes_on_after_a_restart(database, issuer):
    async with run_catalog(database, issuer) as catalog:
        await _record(catalog, _entry(1), _entry(2))
        head = (await _verify(catalog)).head
    async with run_catalog(database, issuer) as catalog:
        await _record(catalog, _entry(3))
        verified = await _verify(catalog)
        assert (verified.intact, verified.entries) == (True, 4)
        answer = await catalog.audit.ListAuditEntries(
            pb.ListAuditEntriesRequest(), metadata=catalog.by("auditor-pusat")
        )
    assert head in {entry.hash for entry in answer.entries}


async def test_own_calls_are_recorded_refused_ones_too(empty_catalog):
    with pytest.raises(grpc.aio.AioRpcError):
        await empty_catalog.apply_policy("kind: Policy\nname: p\n", account="viewer-without-office")
    with pytest.raises(grpc.aio.AioRpcError):
        await empty_catalog.apply_policy("kind: Policy\nname: p\n")
    answer = await empty_catalog.audit.ListAuditEntries(
        pb.ListAuditEntriesRequest(), metadata=empty_catalog.by("auditor-pusat")
    )
    assert [(entry.username, entry.action.rpartition("/")[2], entry.outcome) for entry in answer.entries] == [
        ("steward-pusat", "ApplyPolicy", "INVALID_ARGUMENT"),
        ("viewer-without-office", "ApplyPolicy", "PERMISSION_DENIED"),
    ]


async def test_entries_are_listed_by_filter_and_page(empty_catalog):
    await _record(empty_catalog, *(_entry(number) for number in range(21)))
    seen, token = [], ""
    while True:
        answer = await empty_catalog.audit.ListAuditEntries(
            pb.ListAuditEntriesRequest(
                page_size=2, page_token=token, resource="uploads/0", username="user-0"
            ),
            metadata=empty_catalog.by("auditor-pusat"),
        )
        seen += [entry.sequence for entry in answer.entries]
        token = answer.next_page_token
        if not token:
            break
    assert seen == [1]
    answer = await empty_catalog.audit.ListAuditEntries(
        pb.ListAuditEntriesRequest(page_size=5, username="user-0"), metadata=empty_catalog.by("auditor-pusat")
    )
    assert [entry.sequence for entry in answer.entries] == [15, 8, 1]


@pytest.mark.parametrize(
    "changes", [{"uid": "no uuid"}, {"username": "x" * 501}, {"time": Timestamp(seconds=10**14)}]
)
async def test_an_entry_that_cannot_be_kept_is_refused_alone(empty_catalog, database, changes):
    good, bad = await asyncio.gather(
        _record(empty_catalog, _entry()), _record(empty_catalog, _entry(**changes)), return_exceptions=True
    )
    assert good is None
    assert bad.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(_rows(database)) == 1


async def test_a_nul_in_a_text_does_not_stop_the_log(empty_catalog):
    await _record(empty_catalog, _entry(username="a\x00b", detail="\x00"))
    assert (await _verify(empty_catalog)).intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET username = 'x'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET sequence = 0",
        "DELETE FROM declaration_history",
    ],
)
async def test_the_services_own_role_cannot_change_the_log(empty_catalog, database, statement):
    await empty_catalog.apply_policy(
        "{kind: Policy, name: p, description: d, owner: o, effect: allow, "
        "subjects: {roles: [viewer]}, resources: {all: true}}"
    )
    with psycopg.connect(database.dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


_CUT = "DELETE FROM audit_entries WHERE sequence = (SELECT max(sequence) FROM audit_entries)"
_CUT_HEAD = """
UPDATE audit_head
SET (sequence, hash) = (SELECT sequence, hash FROM audit_entries ORDER BY sequence DESC LIMIT 1)
"""
_FORGE = """
INSERT INTO audit_entries
SELECT 11, gen_random_uuid(), time, username, authorized_party, action, resource, outcome, detail, policy_version,
       trace_id, hash
FROM audit_entries WHERE sequence = 10
"""


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["UPDATE audit_entries SET outcome = 'denied' WHERE sequence = 4"], 4),
        (["UPDATE audit_entries SET time = time + interval '1 microsecond' WHERE sequence = 4"], 4),
        (["DELETE FROM audit_entries WHERE sequence = 4"], 4),
        (["DELETE FROM audit_entries WHERE sequence = 1"], 1),
        (
            [
                "UPDATE audit_entries SET sequence = 1000 WHERE sequence = 4",
                "UPDATE audit_entries SET sequence = 4 WHERE sequence = 5",
                "UPDATE audit_entries SET sequence = 5 WHERE sequence = 1000",
            ],
            4,
        ),
        ([_FORGE], 11),
        ([_CUT], 10),
        (["DELETE FROM audit_entries"], 1),
        (["DELETE FROM audit_head"], 11),
        ([_CUT, _CUT_HEAD], 9),
    ],
    ids=[
        "field",
        "time",
        "deleted",
        "first",
        "swapped",
        "forged",
        "cut",
        "emptied",
        "headless",
        "cut-with-head",
    ],
)
async def test_tampering_is_found(postgres_server, database, issuer, statements, broken):
    async with run_catalog(database, issuer) as catalog:
        await _record(catalog, *(_entry(number) for number in range(10)))
    _tamper(postgres_server, database, *statements)
    async with run_catalog(database, issuer) as catalog:
        verified = await _verify(catalog)
    assert not verified.intact
    assert verified.broken_sequence == broken, verified.message


async def test_an_older_log_put_back_is_found_by_the_running_service(
    empty_catalog, postgres_server, database
):
    await _record(empty_catalog, *(_entry(number) for number in range(5)))
    copy = "CREATE TABLE old_entries AS TABLE audit_entries; CREATE TABLE old_head AS TABLE audit_head"
    _tamper(postgres_server, database, copy)
    await _record(empty_catalog, _entry(6))
    _tamper(
        postgres_server,
        database,
        "DELETE FROM audit_entries; INSERT INTO audit_entries TABLE old_entries",
        "DELETE FROM audit_head; INSERT INTO audit_head TABLE old_head",
    )
    verified = await _verify(empty_catalog)
    assert not verified.intact
    assert verified.broken_sequence == 6


async def test_a_log_without_its_end_takes_nothing_more(empty_catalog, postgres_server, database):
    await _record(empty_catalog, _entry())
    _tamper(postgres_server, database, "DELETE FROM audit_head")
    for call in (_record(empty_catalog, _entry()), empty_catalog.decide("steward-pusat", "datasets/a")):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_lost_connections_are_replaced(empty_catalog, postgres_server, database):
    await _record(empty_catalog, _entry())
    _tamper(
        postgres_server,
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    await asyncio.sleep(0.2)
    await _record(empty_catalog, _entry())
    await asyncio.sleep(1.0)
    verified = await _verify(empty_catalog)
    assert (verified.intact, verified.entries) == (True, 2)
