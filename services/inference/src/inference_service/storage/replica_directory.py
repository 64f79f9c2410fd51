"""The replicas that reported lately (ReportReplica), in memory: they report again within a second of a restart."""

import time
from collections.abc import Callable

from inference_service.domain.replica import ReplicaReport, ReplicaState

__all__ = ["ReplicaDirectory"]


class ReplicaDirectory:
    """Reports of the last `lease_seconds`.

    One that starts, or has lost all its replicas, knows only some of them at first: it is `settled` when all had the
    time to report.
    """

    def __init__(self, lease_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._reports: dict[str, tuple[float, ReplicaReport]] = {}
        self._settled_at = clock() + lease_seconds

    def report_replica(self, report: ReplicaReport) -> None:
        """Keeps a report in the place of the replica's one before."""
        if not self._current():
            self._settled_at = self._clock() + self._lease_seconds
        self._reports[report.replica] = (self._clock() + self._lease_seconds, report)

    def _current(self) -> list[ReplicaReport]:
        now = self._clock()
        self._reports = {name: entry for name, entry in self._reports.items() if entry[0] > now}
        return [report for _, report in self._reports.values()]

    @property
    def settled(self) -> bool:
        """Whether every replica that lives had the time to report."""
        return bool(self._current()) and self._clock() >= self._settled_at

    def serving(self) -> list[ReplicaReport]:
        """Replicas that take calls, by their gRPC addresses."""
        taking = [report for report in self._current() if report.state is ReplicaState.SERVING]
        return sorted(taking, key=lambda report: report.grpc_address)
