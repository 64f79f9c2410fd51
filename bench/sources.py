"""A table of PostgreSQL or MariaDB into Arrow files: ingest's reading process beside connectorx. CPU-seconds of the client.

    uv run python bench/sources.py [--rows 1000000] [--rounds 5]

Runs against throw-away servers. Both sides are processes of their own, interleaved, with the same query; times are medians, with the
start of Python and its libraries in them. The servers' own time is left out: it is the same. connectorx makes a decimal(38,10)
of each DECIMAL, ingest keeps every digit as text until the contract says what it is.
"""

# ruff: noqa: PLC0415 - each process loads only what its side needs
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.servers import Database

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

COLUMNS = ("id", "region", "amount", "updated_at", "note")
QUERY = f"SELECT {', '.join(COLUMNS)} FROM payment"
POSTGRES = """CREATE TABLE payment (id bigint PRIMARY KEY, region varchar(4), amount numeric(20,2), updated_at timestamptz, note text)"""
POSTGRES_ROWS = """INSERT INTO payment SELECT g, (1000 + g %% 9000)::text, g * 1234567.89, timestamptz '2024-01-01' + g * interval '1 second',
    'Belanja Barang dan Jasa ' || g FROM generate_series(1, %s) g"""
MARIADB = """CREATE TABLE payment (id bigint PRIMARY KEY, region varchar(4), amount decimal(20,2), updated_at datetime(6), note text)"""
MARIADB_ROWS = """INSERT INTO payment SELECT seq, 1000 + seq % 9000, seq * 1234567.89, timestamp '2024-01-01 00:00:00' + INTERVAL seq SECOND,
    CONCAT('Belanja Barang dan Jasa ', seq) FROM seq_1_to_{rows}"""


def job(database: "Database", driver: str, folder: Path) -> str:
    """What the reading process is given."""
    document = {
        "sql": {
            "connection": {
                "driver": driver,
                "host": database.host,
                "port": database.port,
                "database": database.database,
                "user": database.user,
                "password": "bench",
                "tls": "off",
            },
            "table": {"name": "payment"},
            "mode": "full",
            "time_zone": "UTC",
        },
        "address": database.host,
        "columns": COLUMNS,
        "out": str(folder / "rows"),
        "keys_out": str(folder / "keys"),
        "max_bytes": 2**33,
        "connect_seconds": 10,
    }
    return f"{json.dumps(database.password)}\n{json.dumps(document)}"


def connectorx(url: str, target: Path) -> None:
    """The peer: one query into Arrow, and a file of it."""
    import connectorx as peer
    import pyarrow as pa

    table = peer.read_sql(url, QUERY, return_type="arrow")
    with pa.ipc.new_file(target, table.schema) as writer:
        writer.write_table(table)


def measured(command: list[str], given: str) -> dict[str, float]:
    """CPU-seconds and seconds of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if '"failure":{' in done.stdout:
        raise RuntimeError(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "seconds": time.perf_counter() - start}


def compare(name: str, database: "Database", driver: str, scheme: str, rounds: int, rows: int) -> None:
    """Prints one server's line."""
    import pyarrow as pa

    url = (
        f"{scheme}://{database.user}:{database.password}@{database.host}:{database.port}/{database.database}"
    )
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as work:
        folder, target = Path(work), Path(work) / "peer.arrow"
        for _round in range(rounds + 1):
            reading = [sys.executable, "-m", "ingest_service.extract", str(os.getpid())]
            ours.append(measured(reading, job(database, driver, folder)))
            theirs.append(measured([sys.executable, __file__, "--peer", str(target)], url))
        files: list[Any] = [pa.ipc.open_file(path) for path in (*(folder / "rows").iterdir(), target)]
        counted = [sum(f.get_batch(n).num_rows for n in range(f.num_record_batches)) for f in files]
        if counted != [rows] * 2:
            raise RuntimeError(f"{counted} rows were read, there are {rows}")
    # The first round warms the servers' caches.
    mine, peer = (
        {key: statistics.median(entry[key] for entry in side[1:]) for key in ("cpu", "seconds")}
        for side in (ours, theirs)
    )
    print(
        f"{name:12} ingest {mine['cpu']:6.2f} CPU-s {mine['seconds']:6.2f} s   connectorx {peer['cpu']:6.2f} CPU-s "
        f"{peer['seconds']:6.2f} s   speed per CPU-second {peer['cpu'] / mine['cpu']:.0%}, by the clock {peer['seconds'] / mine['seconds']:.0%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer is not None:
        connectorx(sys.stdin.read(), arguments.peer)
        return
    import psycopg

    from support.mariadb import MISSING, mariadb_program, run_mariadb
    from support.servers import run_postgres

    with run_postgres() as server:
        database = server.create_database("bench")
        with psycopg.connect(database.dsn) as connection:
            connection.execute(POSTGRES)
            connection.execute(POSTGRES_ROWS, [arguments.rows])
        compare("PostgreSQL", database, "postgresql", "postgresql", arguments.rounds, arguments.rows)
    if mariadb_program() is None:
        print(MISSING)
        return
    with run_mariadb() as server:
        database = server.create_database()
        with server.connect(database.database) as filling, filling.cursor() as cursor:
            cursor.execute(MARIADB)
            cursor.execute(MARIADB_ROWS.format(rows=arguments.rows))
        compare("MariaDB", database, "mariadb", "mysql", arguments.rounds, arguments.rows)


if __name__ == "__main__":
    main()
