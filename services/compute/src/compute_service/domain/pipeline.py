"""A declared pipeline, as plain records. What each means is written in the pipeline language's document."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Aggregate",
    "Expectation",
    "Input",
    "Join",
    "Measure",
    "Partitioning",
    "Pipeline",
    "Rows",
    "Sink",
    "Step",
    "Words",
]


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    id: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset under a name of the pipeline; `as_of` is a snapshot id, None the newest."""

    name: str
    dataset: str
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Partitioning:
    """The input whose files are read in parallel."""

    input: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Row by row: filter, then columns, then selection."""

    id: str
    source: str
    where: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    select: tuple[str, ...] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Names it reads."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate: `function` is sum, min, max or count; `column` is `*` for count of rows."""

    name: str
    function: str
    column: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Sums that can be put together from parts."""

    id: str
    source: str
    by: tuple[str, ...]
    measures: tuple[Measure, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names it reads."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Join:
    """Two tables by equal keys; `right_columns` are new name → column of the right."""

    id: str
    left: str
    right: str
    keys: tuple[str, ...]
    how: str
    right_columns: Mapping[str, str]
    validate: str = "1:1"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names it reads."""
        return (self.left, self.right)


Step = Rows | Aggregate | Join


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a step's rows go."""

    source: str
    dataset: str
    mode: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold before anything is committed."""

    id: str
    of: str
    check: str
    message: Words
    where: str | None = None
    min_rows: int = 0
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole declaration."""

    name: str
    display_name: Words
    description: Words
    owner: str
    inputs: tuple[Input, ...]
    partition: Partitioning | None
    steps: tuple[Step, ...]
    sinks: tuple[Sink, ...]
    expectations: tuple[Expectation, ...]

    def input(self, name: str) -> Input | None:
        """The input of a name, or None."""
        return next((item for item in self.inputs if item.name == name), None)

    def step(self, name: str) -> Step | None:
        """The step of an id, or None."""
        return next((item for item in self.steps if item.id == name), None)

    @property
    def source_datasets(self) -> tuple[str, ...]:
        """Datasets it reads, each once."""
        return tuple(dict.fromkeys(item.dataset for item in self.inputs))

    @property
    def sink_datasets(self) -> tuple[str, ...]:
        """Datasets it writes, each once."""
        return tuple(dict.fromkeys(sink.dataset for sink in self.sinks))

    def inputs_of(self, name: str) -> frozenset[str]:
        """Inputs that a step or input rests on."""
        if self.input(name):
            return frozenset({name})
        step = self.step(name)
        return (
            frozenset().union(*(self.inputs_of(source) for source in step.sources)) if step else frozenset()
        )
