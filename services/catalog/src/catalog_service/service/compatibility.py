"""What a new declaration would break, before it is applied."""

from dataclasses import dataclass

from catalog_service.domain.compatibility import Change, changes_between
from catalog_service.domain.dataset import parse_dataset_declaration
from catalog_service.domain.names import dataset_name
from catalog_service.service.directory import Directory
from catalog_service.service.lineage import LineageService
from catalog_service.service.requester import requester_of
from servicekit.auth import Principal

__all__ = ["Comparison", "CompatibilityService"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`readers` are assets that are made of the dataset, and what makes them; `hidden` counts those the caller may not know.

    `revision` is that of the declaration as it stands, 0 when there is none.
    """

    dataset: str
    revision: int
    changes: tuple[Change, ...]
    readers: tuple[str, ...]
    hidden: int


class CompatibilityService:
    """Compares; it changes nothing."""

    def __init__(self, directory: Directory, lineage: LineageService) -> None:
        self._directory, self._lineage = directory, lineage

    async def check_dataset(self, principal: Principal, declaration: str) -> Comparison:
        """Holds a declaration against the one that stands. A dataset that the caller may not know counts as new.

        Raises:
            DeclarationInvalidError: it does not follow the language.
        """
        dataset, document = parse_dataset_declaration(declaration)
        known = await self._directory.dataset(dataset.dataset)
        if known is None or dataset.dataset not in self._directory.audience(requester_of(principal)):
            return Comparison(dataset.dataset, 0, (), (), 0)
        _dataset, stands = parse_dataset_declaration(known.declaration.text)
        name = dataset_name(dataset.dataset)
        edges, hidden = await self._lineage.get_lineage(principal, name, 0)
        downstream = _downstream(name, [(edge.source, edge.target, edge.process) for edge in edges])
        changes = tuple(changes_between(stands, document))
        return Comparison(dataset.dataset, known.declaration.revision, changes, downstream, hidden)


def _downstream(start: str, edges: list[tuple[str, str, str]]) -> tuple[str, ...]:
    """Assets that are made of `start`, and the processes that make them; edges lead up as well as down."""
    reached, found = {start}, set()
    while True:
        steps = [(target, process) for source, target, process in edges if source in reached]
        more = {target for target, _process in steps} - reached
        found |= {process for _target, process in steps}
        if not more:
            return tuple(sorted(found | reached - {start}))
        reached |= more
