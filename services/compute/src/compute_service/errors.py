"""What can go wrong in compute, in Indonesian and English."""

from servicekit.errors import (
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    LumbungError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    Text,
    UnavailableError,
)

__all__ = [
    "ClusterNotReadyError",
    "ClusterSetupError",
    "DeclarationError",
    "NotFinishedError",
    "PipelineNotFoundError",
    "QueryCrashedError",
    "QueryInvalidError",
    "QueryMemoryError",
    "QueryTimeError",
    "QueueFullError",
    "RunFailedError",
    "RunNotFoundError",
    "SinkDeniedError",
    "StatementRefusedError",
    "TableDeniedError",
]


class StatementRefusedError(InvalidArgumentError):
    """The statement is not one SELECT, or uses what is not offered."""

    reason = "STATEMENT_REFUSED"


class QueryInvalidError(InvalidArgumentError):
    """The engine cannot make sense of the query, or a value of it."""

    reason = "QUERY_INVALID"


class TableDeniedError(PermissionDeniedError):
    """A table is unknown or hidden; the caller cannot tell which."""

    reason = "TABLE_DENIED"


class QueryMemoryError(ResourceExhaustedError):
    """The query needed more memory or room than it may have."""

    reason = "QUERY_MEMORY"


class QueryTimeError(DeadlineExceededError):
    """The query needed more time than it may have."""

    reason = "QUERY_TIME"


class QueueFullError(ResourceExhaustedError):
    """Too many queries wait already."""

    reason = "QUERIES_BUSY"


class QueryCrashedError(InternalError):
    """The process of the query ended for a reason that is not the caller's."""

    reason = "QUERY_CRASHED"


class DeclarationError(InvalidArgumentError):
    """A pipeline's declaration is wrong; `field` is the path of the place."""

    reason = "DECLARATION_INVALID"


class PipelineNotFoundError(NotFoundError):
    """No such pipeline."""

    reason = "PIPELINE_NOT_FOUND"


class RunNotFoundError(NotFoundError):
    """No such run."""

    reason = "RUN_NOT_FOUND"


class SinkDeniedError(PermissionDeniedError):
    """The caller may not read a source or write a sink of the pipeline."""

    reason = "PIPELINE_DENIED"


class NotFinishedError(FailedPreconditionError):
    """A run stands in a state that does not allow this."""

    reason = "RUN_STATE"


class RunFailedError(LumbungError):
    """A run cannot succeed however often it is repeated: its data or declaration is at fault."""

    code = "FAILED_PRECONDITION"
    reason = "RUN_FAILED"


class ClusterNotReadyError(UnavailableError):
    """The Dask cluster of a run does not come up: an image, a quota, room on the nodes, or Kubernetes is away."""

    reason = "RUN_CLUSTER_NOT_READY"


class ClusterSetupError(FailedPreconditionError):
    """Kubernetes refuses a run's Dask cluster: definitions or rights are missing."""

    reason = "RUN_CLUSTER_SETUP"


def denied(names: list[str], ask: str) -> TableDeniedError:
    """The one error for tables that are unknown and tables that are hidden."""
    tables = ", ".join(names)
    return TableDeniedError(
        Text(
            en=f"There is no table {tables} that you may read.",
            id=f"Tidak ada tabel {tables} yang boleh Anda baca.",
        ),
        Text(
            en=f"See `lumbung datasets list`; for access ask {ask}.",
            id=f"Lihat `lumbung datasets list`; untuk akses hubungi {ask}.",
        ),
        field="sql",
        metadata={"tables": tables},
    )
