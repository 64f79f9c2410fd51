"""Between protos and the domain."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from compute_service.domain.pipeline import Pipeline
from compute_service.domain.query import QuerySummary, TableRead
from compute_service.domain.runs import LogLine, Run, RunState, StoredPipeline
from lumbung.compute.v1 import pipeline_service_pb2, query_service_pb2

__all__ = ["log_line_to_proto", "pipeline_to_proto", "run_to_proto", "summary_to_proto"]

_STATES = {
    RunState.PENDING: pipeline_service_pb2.Run.STATE_PENDING,
    RunState.RUNNING: pipeline_service_pb2.Run.STATE_RUNNING,
    RunState.SUCCEEDED: pipeline_service_pb2.Run.STATE_SUCCEEDED,
    RunState.FAILED: pipeline_service_pb2.Run.STATE_FAILED,
    RunState.CANCELLED: pipeline_service_pb2.Run.STATE_CANCELLED,
}


def summary_to_proto(summary: QuerySummary) -> query_service_pb2.QuerySummary:
    """The end of an answer."""
    return query_service_pb2.QuerySummary(
        rows=summary.rows,
        truncated=summary.truncated,
        cpu_seconds=summary.cpu_seconds,
        tables=[_table_to_proto(table) for table in summary.tables],
    )


def _table_to_proto(table: TableRead) -> query_service_pb2.TableRead:
    name = f"datasets/{table.dataset}"
    return query_service_pb2.TableRead(
        dataset=name,
        snapshot=f"{name}/snapshots/{table.snapshot_id}" if table.snapshot_id is not None else "",
        as_of=table.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        rows_withheld=table.rows_withheld,
        masked_columns=table.masked_columns,
        policy_version=table.policy_version,
    )


def pipeline_to_proto(
    stored: StoredPipeline, declared: Pipeline, language: str
) -> pipeline_service_pb2.Pipeline:
    """A pipeline, described in a language ("id" or "en")."""
    words = declared.description
    return pipeline_service_pb2.Pipeline(
        name=f"pipelines/{stored.pipeline}",
        declaration=stored.declaration,
        description=(words.id or words.en) if language == "id" else (words.en or words.id),
        sources=[f"datasets/{name}" for name in declared.source_datasets],
        sinks=[f"datasets/{name}" for name in declared.sink_datasets],
        revision=stored.revision,
        update_time=_timestamp(stored.update_time),
    )


def run_to_proto(run: Run, language: str) -> pipeline_service_pb2.Run:
    """A run, in a language."""
    return pipeline_service_pb2.Run(
        name=run.name,
        state=_STATES[run.state],
        message=run.message.in_language(language),
        tasks_done=run.tasks_done,
        tasks_total=run.tasks_total,
        rows_read=run.rows_read,
        rows_written=dict(run.rows_written),
        snapshots=run.snapshots,
        expectations=[
            pipeline_service_pb2.Expectation(
                expectation=item.expectation, passed=item.passed, message=item.message.in_language(language)
            )
            for item in run.expectations
        ],
        trace_id=run.trace_id,
        creator=run.creator,
        create_time=_timestamp(run.create_time),
        start_time=_timestamp(run.start_time),
        end_time=_timestamp(run.end_time),
        revision=run.revision,
    )


def log_line_to_proto(line: LogLine, language: str) -> pipeline_service_pb2.ReadRunLogResponse:
    """A line of a log, in a language."""
    return pipeline_service_pb2.ReadRunLogResponse(
        time=_timestamp(line.time), level=line.level, text=line.text.in_language(language)
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
