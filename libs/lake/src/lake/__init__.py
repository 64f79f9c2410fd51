"""Iceberg tables on S3: one writer, one governed reader."""

from lake.commits import CommitResult
from lake.decision import Condition, Mask, ReadDecision, RowFilter, allow_all, deny, system_decision
from lake.memory import MemoryObjectStore
from lake.objectstore import ObjectInfo, ObjectStore
from lake.parquet import WriteTarget, WrittenFile, write_parquet
from lake.reader import GovernedReader, GovernedScan, Partition
from lake.s3 import S3ObjectStore
from lake.schema import Column, TableId, TableSchema
from lake.settings import LakeSettings, S3Settings
from lake.tables import Lake, SnapshotInfo, TableInfo
from lake.writer import TableWriter

__all__ = [
    "Column",
    "CommitResult",
    "Condition",
    "GovernedReader",
    "GovernedScan",
    "Lake",
    "LakeSettings",
    "Mask",
    "MemoryObjectStore",
    "ObjectInfo",
    "ObjectStore",
    "Partition",
    "ReadDecision",
    "RowFilter",
    "S3ObjectStore",
    "S3Settings",
    "SnapshotInfo",
    "TableId",
    "TableInfo",
    "TableSchema",
    "TableWriter",
    "WriteTarget",
    "WrittenFile",
    "allow_all",
    "deny",
    "system_decision",
    "write_parquet",
]
