"""Backup of one installation and restore into another, on real servers."""

import hashlib
import io
import json
import os
import shutil
import stat
import threading
from decimal import Decimal

import polars as pl
import pytest

from lake import Lake, S3Settings, TableSchema, system_decision
from platformsetup import DATABASES
from platformsetup.backup import restore, take
from platformsetup.backup.dumps import Server
from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import BackupFolder, complete_backups, object_path
from platformsetup.backup.run import run_restore
from platformsetup.databases import ensure_databases
from platformsetup.errors import SetupError
from platformsetup.settings import RestoreSettings

from support.installations import BUCKET, run_installation

SCHEMA = TableSchema.of([("province", "text"), ("year", "int"), ("amount", "decimal(20,2)")])
TABLES = ("budgets", "offices")


def _frame(*rows):
    return pl.DataFrame(
        [(province, year, Decimal(amount)) for province, year, amount in rows],
        schema=SCHEMA.to_polars(),
        orient="row",
    )


def _digests(lake):
    """Digest of every snapshot of every table, as the governed reader gives its rows."""
    found = {}
    for table in lake.list_tables():
        for snapshot in lake.snapshots(table):
            scan = lake.reader.scan(
                table, system_decision(table.name, run_id="test"), snapshot_id=snapshot.snapshot_id
            )
            rows = scan.lazyframe.collect().sort(by=pl.all()).write_json()
            found[str(table), snapshot.snapshot_id] = hashlib.sha256(rows.encode()).hexdigest()
    return found


@pytest.fixture(scope="module")
def source():
    """An installation with tables of several snapshots, rows in every database, and objects with odd keys."""
    with run_installation() as installation:
        installation.set_up()
        with Lake.open(installation.lake_settings) as lake:
            for table in TABLES:
                lake.create_table(table, SCHEMA, description=f"rows of {table}")
                for number in range(3):
                    lake.writer(table).append(
                        _frame((f"{number}", 2016, "1.10"), ("33", 2017, f"{number}.20")), run_id=f"r{number}"
                    )
            lake.tag("budgets", lake.snapshots("budgets")[1].snapshot_id, "publication-2017")
            lake.objects.put("uploads/Rincian Anggaran (2017) é.csv", b"a;b\n")
            lake.objects.put("models/empty", b"")
            lake.objects.put("models/large", b"\x00\xff" * 9_000_000)
        for name in DATABASES:
            with installation.connection(name) as connection:
                connection.execute("CREATE TABLE kept (n serial PRIMARY KEY, text text NOT NULL UNIQUE)")
                connection.execute("INSERT INTO kept (text) VALUES (%s), ('kas negara')", [name])
        yield installation


@pytest.fixture(scope="module")
def backups(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backups")
    source.backup(folder)
    return folder


@pytest.fixture(scope="module")
def _elsewhere():
    with run_installation() as installation:
        yield installation


@pytest.fixture
def empty(_elsewhere):
    """Another installation, with nothing in it."""
    _elsewhere.clear()
    return _elsewhere


def _only(folder):
    (name,) = complete_backups(folder)
    return folder / name


@pytest.fixture
def copy(backups, tmp_path):
    """A copy of the backup that a test may damage; made of links."""
    target = tmp_path / "copy" / _only(backups).name
    shutil.copytree(_only(backups), target)
    return target


def test_everything_comes_back(source, backups, empty):
    assert "6 databases" in empty.restore(backups)
    with Lake.open(source.lake_settings) as before, Lake.open(empty.lake_settings) as after:
        digests = _digests(before)
        assert len(digests) == 6
        assert _digests(after) == digests
        for table in TABLES:
            assert after.describe(table) == before.describe(table)
            assert after.tags(table) == before.tags(table)
        # The hash mask stays the same, and a run that was written stays written.
        assert after.writer("budgets").append(_frame(("9", 1, "9")), run_id="r1").repeated
        assert after.writer("budgets").append(_frame(("9", 1, "9")), run_id="new").rows_total == 7
    assert source.keys() <= empty.keys()
    for name in DATABASES:
        with empty.connection(name) as connection:
            assert connection.execute("SELECT text FROM kept ORDER BY n").fetchall() == [
                (name,),
                ("kas negara",),
            ]
            # The role owns what is there, and sequences go on where they were.
            assert connection.execute("INSERT INTO kept (text) VALUES ('x') RETURNING n").fetchone() == (3,)
            connection.execute("ALTER TABLE kept ADD COLUMN more int")
        other = next(entry for entry in DATABASES if entry != name)
        with pytest.raises(SetupError, match="permission denied"):
            Server(empty.postgres.host, empty.postgres.port, empty.passwords).connect(name, other)


def test_a_second_restore_has_nothing_to_do_and_spares_what_came_since(backups, empty, tmp_path):
    empty.restore(backups)
    with empty.connection("lumbung_ingest") as connection:
        connection.execute("INSERT INTO kept (text) VALUES ('since')")
    assert "nothing to do" in empty.restore(backups)
    # `latest` means the one from which the installation was made, also when it has made backups since.
    shutil.copytree(_only(backups), tmp_path / "b" / _only(backups).name)
    empty.backup(tmp_path / "b")
    assert len(complete_backups(tmp_path / "b")) == 2
    assert "nothing to do" in empty.restore(tmp_path / "b")
    with pytest.raises(BackupError, match="is not empty"):
        empty.restore(tmp_path / "b", name=complete_backups(tmp_path / "b")[1])
    with empty.connection("lumbung_ingest") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (3,)


def test_a_version_with_one_database_more_gets_it(backups, empty, monkeypatch):
    monkeypatch.setitem(empty.passwords, "lumbung_more", "m")
    names = (*DATABASES, "lumbung_more")
    settings = RestoreSettings.model_validate(
        {
            "postgres": {
                "host": empty.postgres.host,
                "port": empty.postgres.port,
                "database": "postgres",
                "user": "postgres",
                "password": empty.postgres.superuser_password,
            },
            "databases": {"names": names, "passwords": empty.passwords},
            "lake": {"s3": empty.s3_settings},
            "restore": {"folder": backups},
        }
    )
    assert "restored" in run_restore(settings)
    with empty.connection("lumbung_more") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with empty.administrator() as connection:
        connection.execute("DROP DATABASE lumbung_more")
        connection.execute("DROP ROLE lumbung_more")


def test_empty_databases_are_no_hindrance(backups, empty):
    with empty.administrator() as connection:
        ensure_databases(connection, empty.passwords)
    assert "restored" in empty.restore(backups)


def test_an_administrator_who_is_no_superuser_is_enough(backups, empty):
    with empty.administrator() as connection:
        connection.execute("DROP ROLE IF EXISTS manager")
        connection.execute("CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'm'")
    assert "restored" in empty.restore(backups, user="manager", password="m")
    with empty.administrator() as connection:
        for name in DATABASES:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.execute(f"DROP ROLE {name}")
        connection.execute("DROP OWNED BY manager")
        connection.execute("DROP ROLE manager")


def test_everything_in_a_backup_is_private(backups):
    for path in [_only(backups), *_only(backups).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("what", ["database", "object"])
def test_an_installation_with_data_is_refused_and_left_alone(source, backups, empty, what):
    with empty.administrator() as connection:
        ensure_databases(connection, empty.passwords)
    if what == "database":
        with empty.connection("lumbung_compute") as connection:
            connection.execute("CREATE TABLE mine (n int)")
    else:
        if not empty.bucket.bucket_exists(BUCKET):
            empty.bucket.make_bucket(BUCKET)
        empty.bucket.put_object(BUCKET, "mine", data=io.BytesIO(b"x"), length=1)
    with pytest.raises(BackupError, match="is not empty") as caught:
        empty.restore(backups)
    assert "tidak kosong" in str(caught.value)
    assert ("lumbung_compute" if what == "database" else "s3://lumbung-lake/mine") in str(caught.value)
    assert empty.keys() == ({"mine"} if what == "object" else set())
    with empty.connection("lumbung_lake") as connection:
        assert connection.execute("SELECT to_regclass('iceberg_tables')").fetchone() == (None,)


def test_an_interrupted_restore_is_run_again(source, backups, empty, monkeypatch):
    """Ends once while objects are put, once between two databases; the third time all is there."""
    real_copy, real_put = restore.copy_in, restore._put_in_place

    def stop_among_objects(*arguments):
        for number, entry in enumerate(real_copy(*arguments)):
            if number == 5:
                raise KeyboardInterrupt
            yield entry

    def stop_among_databases(plan, manifest, name):
        if name == "lumbung_inference":
            raise KeyboardInterrupt
        real_put(plan, manifest, name)

    monkeypatch.setattr(restore, "copy_in", stop_among_objects)
    with pytest.raises(KeyboardInterrupt):
        empty.restore(backups)
    monkeypatch.setattr(restore, "copy_in", real_copy)
    monkeypatch.setattr(restore, "_put_in_place", stop_among_databases)
    with pytest.raises(KeyboardInterrupt):
        empty.restore(backups)
    monkeypatch.setattr(restore, "_put_in_place", real_put)
    assert "restored" in empty.restore(backups)
    assert empty.keys() == source.keys()
    with empty.administrator() as connection:
        left = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE '%restoring'"
        ).fetchall()
    assert left == []


def test_a_damaged_dump_stops_before_anything_is_made(copy, empty):
    path = copy / "databases" / "lumbung_catalog.dump"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"damaged.*lumbung_catalog\.dump"):
        empty.restore(copy.parent)
    with empty.administrator() as connection:
        names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert not names & set(DATABASES)


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_object_stops_before_a_database_is_in_place(copy, empty, damage):
    path = copy / object_path("models/large")
    if damage == "changed":
        with path.open("r+b") as stream:
            stream.seek(1000)
            stream.write(b"x")
    else:
        path.unlink()
    with pytest.raises(BackupError, match=path.name):
        empty.restore(copy.parent)
    with empty.administrator() as connection:
        names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert not names & set(DATABASES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "99.0"}, "version 99.0"),
        ({"format": 2}, "format 2"),
        ({"databases": []}, "holds the databases"),
        (
            {"databases": [{"name": "other", "file": "x", "size": 1, "sha256": "x"}]},
            "holds the databases other, this",
        ),
        ({"objects": None}, "manifest .* is damaged"),
    ],
)
def test_a_manifest_that_does_not_fit(copy, empty, change, words):
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BackupError, match=words):
        empty.restore(copy.parent, name=copy.name)


def test_another_bucket_is_refused(backups, empty):
    with pytest.raises(BackupError, match="bucket lumbung-lake, this installation uses other-lake"):
        empty.restore(backups, bucket="other-lake")


def test_without_its_manifest_a_backup_is_none(copy, empty, tmp_path):
    (copy / "manifest.json").unlink()
    with pytest.raises(BackupError, match="no complete backup"):
        empty.restore(copy.parent)
    with pytest.raises(BackupError, match="no complete backup"):
        empty.restore(copy.parent, name=copy.name)


def test_a_table_whose_file_is_lost_makes_no_backup(source, tmp_path):
    with Lake.open(source.lake_settings) as lake:
        lake.create_table("lost", SCHEMA)
        lake.writer("lost").append(_frame(("1", 1, "1")), run_id="r")
        (found,) = [
            info.key for info in lake.objects.walk("tables/lake/lost-") if info.key.endswith(".parquet")
        ]
        lake.objects.delete(found)
        with pytest.raises(BackupError, match="names s3://lumbung-lake/tables/lake/lost-") as caught:
            source.backup(tmp_path)
        assert found in str(caught.value)
        lake.drop_table("lost")
    assert list(tmp_path.iterdir()) == []


def test_two_backups_at_once_are_refused(source, tmp_path):
    with source.connection("lumbung_lake") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [take._LOCK])
        with pytest.raises(BackupError, match="Another backup"):
            source.backup(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_are_kept_and_the_dead_are_swept(source, tmp_path):
    old = [tmp_path / f"2020010{number}T000000Z" for number in range(1, 4)]
    for path in old:
        path.mkdir()
    for path in old[:2]:
        (path / "manifest.json").write_text("{}")
    os.utime(old[2], (0, 0))
    (tmp_path / "mine").mkdir()
    source.backup(tmp_path, keep=2)
    names = complete_backups(tmp_path)
    assert len(names) == 2
    assert names[0] == old[1].name
    assert {path.name for path in tmp_path.iterdir()} == {*names, "mine"}


def test_a_folder_that_takes_nothing(source, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(BackupError, match="cannot be written") as caught:
        source.backup(path)
    assert "tidak dapat ditulis" in str(caught.value)


def test_what_is_written_meanwhile_is_whole_or_not_there(source, empty, tmp_path):
    """Commits go on while the backup is made; what is restored is a lake of whole commits."""
    done = threading.Event()
    with Lake.open(source.lake_settings) as lake:
        lake.create_table("busy", SCHEMA)

        def write():
            number = 0
            while not done.is_set():
                lake.writer("busy").append(
                    _frame(("1", number, "1"), ("2", number, "2")), run_id=f"b{number}"
                )
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            source.backup(tmp_path)
        finally:
            done.set()
            writer.join()
        total = lake.describe("busy").rows
        lake.drop_table("busy")
    empty.restore(tmp_path)
    with Lake.open(empty.lake_settings) as lake:
        scan = lake.reader.scan("busy", system_decision("busy", run_id="test")).lazyframe.collect()
        assert scan.height == lake.describe("busy").rows
        assert scan.height % 2 == 0
        assert scan.height <= total
        assert len(_digests(lake)) == 6 + scan.height // 2


def test_two_restores_at_once_are_refused(backups, empty):
    folder = BackupFolder(_only(backups))
    server = Server(empty.postgres.host, empty.postgres.port, empty.passwords)
    with empty.administrator() as first, empty.administrator() as second:
        first.execute("SELECT pg_advisory_lock(%s)", [restore._LOCK])
        with pytest.raises(BackupError, match="Another restore"):
            restore.restore_backup(
                restore.RestorePlan(folder, second, server, S3Settings.model_validate(empty.s3_settings))
            )
