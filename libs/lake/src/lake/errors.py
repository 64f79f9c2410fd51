"""What can go wrong in the lake. Every error says what, where and what to do, in Indonesian and English."""

from servicekit.errors import (
    AbortedError,
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    LumbungError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)


class LakeError(LumbungError):
    """Base of all errors of the lake."""


class StoreError(LakeError, UnavailableError):
    """The object store answered with an error or not at all."""

    reason = "STORE_UNAVAILABLE"


class MetadataUnavailableError(LakeError, UnavailableError):
    """The database that holds the tables' metadata does not answer."""

    reason = "METADATA_UNAVAILABLE"


class StoreNotConditionalError(LakeError, FailedPreconditionError):
    """The object store lets more than one racing conditional put win, so it cannot hold a lake."""

    reason = "STORE_NOT_CONDITIONAL"


class ObjectNotFoundError(LakeError, NotFoundError):
    """No object under this key."""

    reason = "OBJECT_NOT_FOUND"


class ObjectExistsError(LakeError, AlreadyExistsError):
    """A conditional put found an object under its key."""

    reason = "OBJECT_EXISTS"


class ObjectTooLargeError(LakeError, ResourceExhaustedError):
    """More bytes or objects than the caller allows."""

    reason = "OBJECT_TOO_LARGE"


class TableNotFoundError(LakeError, NotFoundError):
    """No table of this name."""

    reason = "TABLE_NOT_FOUND"


class TableExistsError(LakeError, AlreadyExistsError):
    """There is a table of this name already."""

    reason = "TABLE_EXISTS"


class SnapshotNotFoundError(LakeError, NotFoundError):
    """The table has no such snapshot, or none at that time."""

    reason = "SNAPSHOT_NOT_FOUND"


class SchemaMismatchError(LakeError, InvalidArgumentError):
    """Data or a wanted schema does not fit the table's schema."""

    reason = "SCHEMA_MISMATCH"


class InvalidCommitError(LakeError, InvalidArgumentError):
    """A run id, a control total or a file of a commit is not usable."""

    reason = "INVALID_COMMIT"


class CommitConflictError(LakeError, AbortedError):
    """The writer lock did not come in time, or another writer got in between."""

    reason = "COMMIT_CONFLICT"


class OvertakenError(LakeError, AbortedError):
    """Another commit came first where this one was to follow a certain one; nothing was committed."""

    reason = "OVERTAKEN"


class AccessDeniedError(LakeError, PermissionDeniedError):
    """The decision does not allow this read; raised before anything about the table is looked up."""

    reason = "ACCESS_DENIED"


class ColumnDeniedError(AccessDeniedError):
    """A named column is not there for this reader, whether it exists or not."""

    reason = "COLUMN_DENIED"
