"""Commits of a run's sinks, and what the catalog is told of them."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from compute_service.domain.contract import SinkContract
from compute_service.domain.pipeline import Pipeline, Sink
from compute_service.domain.runs import Run
from compute_service.errors import RunFailedError
from compute_service.ports.outside import Catalog, RunTables
from servicekit.errors import Text

__all__ = ["commit_sinks", "replaced_values"]


async def commit_sinks(
    tables: RunTables,
    catalog: Catalog,
    run: Run,
    pipeline: Pipeline,
    contracts: Mapping[str, SinkContract],
    written: Mapping[str, Sequence[dict[str, Any]]],
) -> dict[str, tuple[int, int]]:
    """Snapshot id and rows by dataset. Each sink once per run, however often this is called.

    Raises:
        RunFailedError: rows to replace that a filter cannot name; raised before the first commit.
    """
    replaced = {sink.dataset: replaced_values(sink, written[sink.dataset]) for sink in pipeline.sinks}
    properties = {"pipeline": pipeline.name, "trace-id": run.trace_id}
    commits: dict[str, tuple[int, int]] = {}
    for sink in pipeline.sinks:
        files = [
            (path, rows, size)
            for item in written[sink.dataset]
            for path, rows, size in [item["file"]]
            if rows
        ]
        commits[sink.dataset] = await tables.commit(
            sink.dataset, run.run, files, replaced[sink.dataset], properties
        )
    for sink in pipeline.sinks:
        snapshot, rows = commits[sink.dataset]
        await catalog.record_snapshot(
            sink.dataset, snapshot, rows=rows, origin=run.name, schema=contracts[sink.dataset].schema()
        )
    await catalog.record_lineage(_edges(pipeline), process=run.name)
    return commits


def _edges(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Source and sink datasets that a step connects."""
    edges: dict[tuple[str, str], None] = {}
    for sink in pipeline.sinks:
        used = pipeline.inputs_of(sink.source)
        for item in pipeline.inputs:
            if item.name in used:
                edges[f"datasets/{item.dataset}", f"datasets/{sink.dataset}"] = None
    return list(edges)


def replaced_values(sink: Sink, written: Sequence[dict[str, Any]]) -> dict[str, list[str | int]] | None:
    """Values by column whose rows are replaced; None replaces the whole table.

    A filter holds values per column, so the combinations that occur must be all combinations of them.
    """
    if sink.mode != "replace":
        return None
    rows = {tuple(row) for item in written for row in item["replaced"]}
    values = {name: sorted({row[index] for row in rows}, key=str) for index, name in enumerate(sink.by)}
    strange = any(
        not isinstance(value, str | int) or isinstance(value, bool) for row in rows for value in row
    )
    if strange or (rows and set(product(*values.values())) != rows):
        raise RunFailedError(
            Text(
                en=f"Sink {sink.dataset}: the values of {', '.join(sink.by)} are not a full grid of texts or numbers.",
                id=f"Tujuan {sink.dataset}: nilai {', '.join(sink.by)} bukan kisi lengkap teks atau bilangan.",
            ),
            Text(en="Replace by one column.", id="Gunakan satu kolom pada by."),
        )
    return values
