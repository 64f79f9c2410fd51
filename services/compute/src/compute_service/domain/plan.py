"""Where each step of a pipeline runs."""

from dataclasses import dataclass

from compute_service.domain.pipeline import Aggregate, Pipeline, Rows

__all__ = ["Plan", "plan_pipeline"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`parallel` are rows steps inside each partition, in order; the rest runs in the last task.

    Each partition hands on `partials` (aggregates, half done) and `gathered` (rows steps, whole), and writes its part
    of the datasets in `written` straight into the table's files. Steps in `shared` have several readers, for which a
    partition keeps their rows in memory.
    """

    parallel: tuple[str, ...]
    partials: tuple[str, ...]
    gathered: tuple[str, ...]
    written: tuple[str, ...]
    shared: tuple[str, ...] = ()

    @property
    def streamed(self) -> bool:
        """Whether partitions run through memory without being held there whole."""
        return not self.written and not self.shared


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
    partials: list[Aggregate] = []
    gathered: set[str] = set()
    for step in pipeline.steps:
        if step.id in inside:
            continue
        if isinstance(step, Aggregate) and step.source in inside:
            partials.append(step)
        else:
            gathered.update(source for source in step.sources if source in inside)
    gathered.update(item.of for item in pipeline.expectations if item.of in inside)
    written = tuple(sink.dataset for sink in pipeline.sinks if sink.source in inside)
    # The input itself can be read whole in the last task; nothing is to be handed on.
    gathered.discard(pipeline.partition.input)
    whole = tuple(step for step in parallel if step in gathered)
    read = [step.source for step in partials] + [*whole]
    read += [sink.source for sink in pipeline.sinks if sink.source in inside]
    shared = tuple(dict.fromkeys(name for name in read if read.count(name) > 1))
    return Plan(tuple(parallel), tuple(step.id for step in partials), whole, written, shared)
