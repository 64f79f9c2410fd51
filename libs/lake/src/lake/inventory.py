"""Which objects a table needs: what a backup has to hold, so that every snapshot can be read again."""

from collections.abc import Iterator

from pyiceberg.table import StaticTable

from lake.outages import outages
from lake.settings import S3Settings

__all__ = ["named_objects"]


def named_objects(settings: S3Settings, metadata_location: str) -> Iterator[str]:
    """Addresses of a table's metadata file and of all that its snapshots name, each manifest and list once.

    Reads metadata, never data; a data file that two manifests name comes twice.

    Raises:
        FileNotFoundError: one of the metadata files is not there.
        StoreError: the object store does not answer.
    """
    properties = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO", **settings.iceberg_properties()}
    yield metadata_location
    with outages():
        table = StaticTable.from_metadata(metadata_location, properties)
        seen: set[str] = set()
        for snapshot in table.snapshots():
            yield snapshot.manifest_list
            for manifest in snapshot.manifests(table.io):
                if manifest.manifest_path in seen:
                    continue
                seen.add(manifest.manifest_path)
                yield manifest.manifest_path
                for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                    yield entry.data_file.file_path
