"""What is wrong with the databases, their schemas and the bucket, as JSON for `lumbung doctor`."""

import json
from collections.abc import Iterator

from platformsetup.backup.dumps import Server
from platformsetup.bucket import examine_bucket
from platformsetup.errors import NotReadyError, SetupError
from platformsetup.settings import CheckSettings

__all__ = ["check_servers"]

_Found = dict[str, object]
_KEYCLOAK = "keycloak"


def check_servers(settings: CheckSettings) -> str:
    """A JSON list of findings with `check`, `place`, `what` and `remedy`; the texts in English and Indonesian."""
    return json.dumps([*_databases(settings), *_bucket(settings)], ensure_ascii=False)


def _databases(settings: CheckSettings) -> Iterator[_Found]:
    where = settings.server
    server = Server(where.host, where.port, settings.databases.by_name())
    for name in server.passwords:
        place = f"postgresql://{where.host}:{where.port}/{name}"
        try:
            with server.connect(name) as connection:
                # Every service writes down which migrations it has applied; Keycloak has its own book.
                table = "databasechangelog" if name == _KEYCLOAK else "schema_migrations"
                row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
        except NotReadyError as error:
            yield _found(
                "database_unreachable",
                f"postgresql://{where.host}:{where.port}",
                (f"PostgreSQL does not answer: {error}", f"PostgreSQL tidak menjawab: {error}"),
                ("Start it; look at its log and at its disk.", "Jalankan; lihat log dan cakramnya."),
            )
            return
        except SetupError as error:
            yield _found(
                "database_refused",
                place,
                (str(error), f"PostgreSQL menolak akun {name}: {error}"),
                (
                    "Run the set-up of the databases again; it makes what is missing and sets the passwords.",
                    "Jalankan lagi penyiapan basis data; ia membuat yang kurang dan mengatur kata sandi.",
                ),
            )
        else:
            if row is None or not row[0]:
                yield _found(
                    "schema_not_migrated",
                    place,
                    ("The database has no schema yet.", "Basis data belum memiliki skema."),
                    (
                        "Its service migrates it when it starts: look at that service's log.",
                        "Layanannya memigrasi saat mulai: lihat log layanan itu.",
                    ),
                )


def _bucket(settings: CheckSettings) -> Iterator[_Found]:
    s3 = settings.lake.s3
    place = f"{s3.url}/{s3.bucket}"
    try:
        examine_bucket(s3)
    except NotReadyError as error:
        yield _found(
            "bucket_refused",
            place,
            (str(error), f"Penyimpanan objek menolak atau tidak menjawab: {error}"),
            (
                "Check the store, the access key and its secret; a bucket that is not there is made by the set-up.",
                "Periksa penyimpanan, kunci akses dan rahasianya; bucket yang belum ada dibuat oleh penyiapan.",
            ),
        )


def _found(check: str, place: str, what: tuple[str, str], remedy: tuple[str, str]) -> _Found:
    return {"check": check, "place": place, "what": what, "remedy": remedy}
