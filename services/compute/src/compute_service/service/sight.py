"""What of a run somebody may see: its failures and expectations can quote rows."""

from dataclasses import replace

from compute_service.domain.decisions import is_unfiltered
from compute_service.domain.runs import LogLine, Run, RunState
from compute_service.ports.outside import Catalog
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["Sight", "hide_line", "hide_run"]

_HIDDEN = Text(
    en="Not shown: it may quote rows of the run's sources that you may not read.",
    id="Tidak ditampilkan: dapat memuat baris sumber yang tidak boleh Anda baca.",
)


class Sight:
    """Asks the catalog; whoever started a run sees all of it, since it ran under his own decisions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def full(self, principal: Principal, runs: list[Run]) -> set[str]:
        """Ids of those runs that may be seen whole; one question for all of them."""
        mine = {run.run for run in runs if run.creator == principal.username}
        others = [run for run in runs if run.run not in mine]
        datasets = sorted({name for run in others for name in run.decisions})
        if not datasets:
            return mine
        decisions = await self._catalog.decide(
            principal, [f"datasets/{name}" for name in datasets], action="read", door="run"
        )
        open_ones = {
            name for name, found in zip(datasets, decisions, strict=True) if is_unfiltered(found.read)
        }
        return mine | {run.run for run in others if set(run.decisions) <= open_ones}


def hide_run(run: Run) -> Run:
    """A run without words that may quote rows."""
    message = _HIDDEN if run.state is RunState.FAILED else run.message
    return replace(
        run, message=message, expectations=tuple(replace(item, message=_HIDDEN) for item in run.expectations)
    )


def hide_line(line: LogLine) -> LogLine:
    """A line without words that may quote rows; what goes well quotes none."""
    return line if line.level == "INFO" else replace(line, text=_HIDDEN)
