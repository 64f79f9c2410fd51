"""What is examined."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lumbung.config import Endpoints
from lumbung.doctor.cluster import Cluster
from lumbung.doctor.finding import Finding

__all__ = ["Check", "Site"]


@dataclass(frozen=True)
class Site:
    """The public addresses; `stack` is the local stack's description of itself, `cluster` a release in Kubernetes."""

    endpoints: Endpoints
    stack: dict[str, Any] | None = None
    cluster: Cluster | None = None


Check = Callable[[Site], Iterator[Finding]]
