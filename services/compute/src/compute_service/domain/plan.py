"""Where each step of a pipeline runs."""

from dataclasses import dataclass

from compute_service.domain.pipeline import Aggregate, Pipeline, Rows

__all__ = ["Plan", "plan_pipeline"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`parallel` are rows steps inside each partition, in order; the rest runs in the last task.

    Each partition hands on `partials` (aggregates, half done) and `gathered` (rows steps, whole), and writes its part
    of the datasets in `written` straight into the table's files.
    """

    parallel: tuple[str, ...]
    partials: tuple[str, ...]
    gathered: tuple[str, ...]
    written: tuple[str, ...]


def plan_pipeline(pipeline: Pipeline) -> Plan:
    """Splits a pipeline at its combines. Steps that nothing uses are left out of the partitions."""
    if pipeline.partition is None:
        return Plan((), (), (), ())
    inside = {pipeline.partition.input}
    parallel: list[str] = []
    for step in pipeline.steps:
        if isinstance(step, Rows) and step.source in inside:
            inside.add(step.id)
            parallel.append(step.id)
    partials: list[str] = []
    gathered: set[str] = set()
    for step in pipeline.steps:
        if step.id in inside:
            continue
        if isinstance(step, Aggregate) and step.source in inside:
            partials.append(step.id)
        else:
            gathered.update(source for source in step.sources if source in inside)
    gathered.update(item.of for item in pipeline.expectations if item.of in inside)
    written = tuple(sink.dataset for sink in pipeline.sinks if sink.source in inside)
    # The input itself can be read whole in the last task; nothing is to be handed on.
    gathered.discard(pipeline.partition.input)
    return Plan(
        tuple(parallel), tuple(partials), tuple(step for step in parallel if step in gathered), written
    )
