"""Iceberg tables on S3: one writer, one governed reader.

Names are loaded when they are first asked for: a service that only reads objects need not carry Polars, Arrow and
pyiceberg (75 MB a process).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lake.commits import CommitResult
    from lake.decision import Condition, Mask, ReadDecision, RowFilter, allow_all, deny, system_decision
    from lake.errors import OvertakenError
    from lake.health import TableHealth
    from lake.memory import MemoryObjectStore
    from lake.objectstore import ObjectInfo, ObjectStore
    from lake.parquet import WriteTarget, WrittenFile, write_parquet
    from lake.reader import GovernedReader, GovernedScan, Partition
    from lake.s3 import S3ObjectStore
    from lake.schema import Column, TableId, TableSchema
    from lake.settings import LakeSettings, S3Settings
    from lake.tables import Lake, SnapshotInfo, TableInfo
    from lake.waiting import wait_for_bucket
    from lake.writer import Follows, TableWriter

__all__ = [
    "Column",
    "CommitResult",
    "Condition",
    "Follows",
    "GovernedReader",
    "GovernedScan",
    "Lake",
    "LakeSettings",
    "Mask",
    "MemoryObjectStore",
    "ObjectInfo",
    "ObjectStore",
    "OvertakenError",
    "Partition",
    "ReadDecision",
    "RowFilter",
    "S3ObjectStore",
    "S3Settings",
    "SnapshotInfo",
    "TableHealth",
    "TableId",
    "TableInfo",
    "TableSchema",
    "TableWriter",
    "WriteTarget",
    "WrittenFile",
    "allow_all",
    "deny",
    "system_decision",
    "wait_for_bucket",
    "write_parquet",
]

_HOME = {
    "Column": "lake.schema",
    "CommitResult": "lake.commits",
    "Condition": "lake.decision",
    "Follows": "lake.writer",
    "GovernedReader": "lake.reader",
    "GovernedScan": "lake.reader",
    "Lake": "lake.tables",
    "LakeSettings": "lake.settings",
    "Mask": "lake.decision",
    "MemoryObjectStore": "lake.memory",
    "ObjectInfo": "lake.objectstore",
    "ObjectStore": "lake.objectstore",
    "OvertakenError": "lake.errors",
    "Partition": "lake.reader",
    "ReadDecision": "lake.decision",
    "RowFilter": "lake.decision",
    "S3ObjectStore": "lake.s3",
    "S3Settings": "lake.settings",
    "SnapshotInfo": "lake.tables",
    "TableHealth": "lake.health",
    "TableId": "lake.schema",
    "TableInfo": "lake.tables",
    "TableSchema": "lake.schema",
    "TableWriter": "lake.writer",
    "WriteTarget": "lake.parquet",
    "WrittenFile": "lake.parquet",
    "allow_all": "lake.decision",
    "deny": "lake.decision",
    "system_decision": "lake.decision",
    "wait_for_bucket": "lake.waiting",
    "write_parquet": "lake.parquet",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(home), name)
    globals()[name] = found
    return found
