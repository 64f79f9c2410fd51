"""Whether a backup holds every object that the lake's tables name."""

from collections.abc import Iterable

import psycopg

from lake import ObjectStore, S3Settings
from lake.inventory import named_objects
from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import BackupFolder, object_path
from servicekit.errors import Text

__all__ = ["check_tables", "table_locations"]


def table_locations(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Address of the newest metadata of every table, from the lake's own catalog; none where there is no lake yet."""
    row = connection.execute("SELECT to_regclass('iceberg_tables') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return []
    query = "SELECT metadata_location FROM iceberg_tables WHERE metadata_location IS NOT NULL ORDER BY 1"
    return [str(row[0]) for row in connection.execute(query)]


def check_tables(
    settings: S3Settings, store: ObjectStore, folder: BackupFolder, locations: Iterable[str]
) -> None:
    """BackupError when a table names an object that was not copied: it was deleted while the backup was made."""
    for location in locations:
        try:
            for address in named_objects(settings, location):
                if not folder.has(object_path(store.key_of(address))):
                    raise _incomplete(location, address)
        except FileNotFoundError as error:
            raise _incomplete(location, str(error)) from error


def _incomplete(location: str, address: str) -> BackupError:
    return BackupError(
        Text(
            en=f"The table of {location} names {address}, which is not in the bucket any more: the lake was cleaned meanwhile, "
            "or the object is lost. Make the backup again; if it fails again, the table is damaged.",
            id=f"Tabel {location} menyebut {address} yang tidak ada lagi di bucket: lake sedang dibersihkan, "
            "atau objeknya hilang. Ulangi pencadangan; bila gagal lagi, tabel itu rusak.",
        )
    )
