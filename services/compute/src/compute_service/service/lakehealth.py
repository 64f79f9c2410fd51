"""Shows how the lake's tables stand: files, snapshots, and how old the newest data is."""

from collections.abc import Mapping, Sequence

from prometheus_client import Gauge

from compute_service.ports.lakehealth import LakeHealth
from lake import TableHealth, TableId
from servicekit.telemetry import get_logger

__all__ = ["LakeHealthView"]

_log = get_logger(__name__)

_LABELS = ["zone", "dataset"]
_TABLES = Gauge("lumbung_lake_tables", "Tables by what came of measuring them", ["outcome"])
_FILES = Gauge("lumbung_lake_table_files", "Live data files", _LABELS)
_SMALL_FILES = Gauge("lumbung_lake_table_small_files", "Live data files that are small", _LABELS)
_BYTES = Gauge("lumbung_lake_table_bytes", "Bytes of the live data files", _LABELS)
_ROWS = Gauge("lumbung_lake_table_rows", "Rows", _LABELS)
_DELETE_FILES = Gauge("lumbung_lake_table_delete_files", "Live delete files", _LABELS)
_SNAPSHOTS = Gauge("lumbung_lake_table_snapshots", "Snapshots that are kept", _LABELS)
_METADATA_BYTES = Gauge("lumbung_lake_table_metadata_bytes", "Bytes of the metadata file", _LABELS)
# A time and not an age: an age would stand still while nothing is measured.
_COMMITTED = Gauge(
    "lumbung_lake_table_commit_timestamp_seconds", "When the newest snapshot was made", _LABELS
)
_EXPECTED = Gauge(
    "lumbung_lake_table_expected_seconds",
    "How old the newest snapshot may become (lake_health.expected_hours)",
    _LABELS,
)
_OF_A_TABLE = (_FILES, _SMALL_FILES, _BYTES, _ROWS, _DELETE_FILES, _SNAPSHOTS, _METADATA_BYTES, _COMMITTED)


class LakeHealthView:
    """Measures all tables and sets their gauges.

    A table that cannot be measured keeps its last numbers and does not hide the others; one that is gone loses its
    numbers. `expected_hours` says by dataset how old its newest snapshot may become.
    """

    def __init__(self, lake: LakeHealth, expected_hours: Mapping[str, float], max_tables: int) -> None:
        self._lake, self._expected, self._max_tables = lake, expected_hours, max_tables
        self._shown: set[TableId] = set()

    async def measure(self) -> int:
        """Measures every table once; how many could not be."""
        tables = await self._lake.tables()
        self._forget(self._shown - set(tables))
        chosen = tables[: self._max_tables]
        left_out = len(tables) - len(chosen)
        if left_out:
            _log.warning("more tables than lake_health.max_tables are not measured", left_out=left_out)
        failed = [table for table in chosen if not await self._measured(table)]
        _TABLES.labels("measured").set(len(chosen) - len(failed))
        _TABLES.labels("failed").set(len(failed))
        _TABLES.labels("left_out").set(left_out)
        return len(failed) + left_out + self._show_expected(tables)

    async def _measured(self, table: TableId) -> bool:
        try:
            health = await self._lake.health(table)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 (a broken table may raise anything, and the others come next)
            _log.warning("a table cannot be measured", table=str(table), cause=str(error))
            return False
        self._show(health)
        return True

    def _show(self, health: TableHealth) -> None:
        labels = (health.table.namespace, health.table.name)
        self._shown.add(health.table)
        _FILES.labels(*labels).set(health.files)
        _SMALL_FILES.labels(*labels).set(health.small_files)
        _BYTES.labels(*labels).set(health.bytes)
        _ROWS.labels(*labels).set(health.rows)
        _DELETE_FILES.labels(*labels).set(health.delete_files)
        _SNAPSHOTS.labels(*labels).set(health.snapshots)
        _METADATA_BYTES.labels(*labels).set(health.metadata_bytes)
        if health.commit_time is not None:
            _COMMITTED.labels(*labels).set(health.commit_time.timestamp())

    def _forget(self, gone: set[TableId]) -> None:
        self._shown -= gone
        for table in gone:
            for gauge in _OF_A_TABLE:
                gauge.remove(table.namespace, table.name)

    def _show_expected(self, tables: Sequence[TableId]) -> int:
        """How many datasets are expected to be fresh that have no table: not there yet, or misspelt."""
        missing = sorted(set(self._expected) - {table.name for table in tables if table.namespace == "lake"})
        for dataset, hours in self._expected.items():
            _EXPECTED.labels("lake", dataset).set(hours * 3600)
        if missing:
            _log.warning("lake_health.expected_hours names datasets without a table", datasets=missing)
        return len(missing)
