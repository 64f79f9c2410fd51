"""What every task of a run has: its words, the pipeline, the lake, and how it writes."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from compute_service.domain.contract import SinkContract, parse_contract
from compute_service.domain.declaration import parse_pipeline
from compute_service.domain.plan import plan_pipeline
from compute_service.executor.expressions import check_expression
from compute_service.executor.scratch import Scratch
from compute_service.executor.sinks import check_keys, check_rows, fit_contract
from lake import Lake, write_parquet

__all__ = ["WHOLE", "TaskContext"]

#: Name of the part of a sink that the last task writes.
WHOLE = "data"


class TaskContext:
    """One task. `words` are its arguments as the runner wrote them."""

    def __init__(self, words: Mapping[str, Any], lake: Lake) -> None:
        self.words, self.lake = words, lake
        self.pipeline = parse_pipeline(words["declaration"], check_expression)
        self.plan = plan_pipeline(self.pipeline)
        self.scratch = Scratch(lake.objects, words["run"])
        self.contracts: dict[str, SinkContract] = {
            name: parse_contract(name, text) for name, text in words["contracts"].items()
        }

    def write_sink(self, frame: pl.DataFrame, dataset: str, part: int | None) -> dict[str, Any]:
        """Writes rows into the run's files of a table; `part` is the partition's number, None for the whole.

        Raises:
            RunFailedError: the rows break the contract.
        """
        contract = self.contracts[dataset]
        fitted = fit_contract(frame.lazy(), contract).collect()
        check_rows(frame, fitted, contract)
        keys = fitted.select(contract.keys)
        check_keys(keys, contract)
        kept = None
        if contract.keys and part is not None:
            # Other parts may hold the same key: the last task looks at all of them.
            kept = self.scratch.write(keys, f"keys-{dataset}", part)
        target = self.lake.writer(dataset).target(self.words["run"])
        name = WHOLE if part is None else f"part-{part:06}"
        written = write_parquet(self.lake.objects, fitted, target, name)
        by = next(sink.by for sink in self.pipeline.sinks if sink.dataset == dataset)
        replaced = [list(row) for row in fitted.select(by).unique().sort(by).iter_rows()] if by else []
        return {"file": [written.path, written.rows, written.bytes], "keys": kept, "replaced": replaced}
