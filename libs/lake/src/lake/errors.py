"""What can go wrong in the lake; each error says what, where and what to do, in Indonesian and English."""


class LakeError(Exception):
    """Base of all lake errors; `reason` is stable, the two messages are for people."""

    reason = "LAKE_ERROR"

    def __init__(self, message_id: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_id = message_id
        self.message_en = message_en


class StoreError(LakeError):
    """The object store answered with an error or not at all."""

    reason = "STORE_ERROR"


class StoreNotConditionalError(StoreError):
    """The object store lets more than one racing conditional put win, so it cannot hold a lake."""

    reason = "STORE_NOT_CONDITIONAL"


class ObjectNotFoundError(StoreError):
    """No object under this key."""

    reason = "OBJECT_NOT_FOUND"


class ObjectExistsError(StoreError):
    """A conditional put found an object under its key."""

    reason = "OBJECT_EXISTS"


class ObjectTooLargeError(StoreError):
    """More bytes than the caller allows."""

    reason = "OBJECT_TOO_LARGE"


class TableNotFoundError(LakeError):
    """No table of this name."""

    reason = "TABLE_NOT_FOUND"


class SnapshotNotFoundError(LakeError):
    """The table has no such snapshot, or none at that time."""

    reason = "SNAPSHOT_NOT_FOUND"


class SchemaMismatchError(LakeError):
    """Data or a wanted schema does not fit the table's schema."""

    reason = "SCHEMA_MISMATCH"


class CommitConflictError(LakeError):
    """A run id was used again with other content, or the writer lock did not come in time."""

    reason = "COMMIT_CONFLICT"


class AccessDeniedError(LakeError):
    """The decision does not allow this read; raised before anything about the table is looked up."""

    reason = "ACCESS_DENIED"


class ColumnDeniedError(AccessDeniedError):
    """A named column is not there for this reader, whether it exists or not."""

    reason = "COLUMN_DENIED"


class TableExistsError(LakeError):
    """There is a table of this name already."""

    reason = "TABLE_EXISTS"
