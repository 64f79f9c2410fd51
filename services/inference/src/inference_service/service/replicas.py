"""Use case of replicas: they say where they answer."""

from inference_service.domain.replica import MAX_ID, ReplicaReport, is_address
from inference_service.errors import BadReportError
from inference_service.storage.replica_directory import ReplicaDirectory
from servicekit.auth import Principal
from servicekit.errors import PermissionDeniedError, Text

__all__ = ["ReplicaService"]


class ReplicaService:
    """Takes reports of this service's own replicas, and of nobody else: who is listed here gets callers' data."""

    def __init__(self, directory: ReplicaDirectory, client_id: str) -> None:
        """`client_id` is this service's own account, which its replicas use too."""
        self._directory = directory
        self._client_id = client_id

    async def report_replica(self, principal: Principal, report: ReplicaReport) -> None:
        """Takes a report.

        Raises:
            PermissionDeniedError: another service says it.
            BadReportError: an address is none.
        """
        if principal.authorized_party != self._client_id:
            raise PermissionDeniedError(
                Text(
                    en=f"Replicas report as {self._client_id}, not as {principal.authorized_party}.",
                    id=f"Replika melapor sebagai {self._client_id}, bukan {principal.authorized_party}.",
                )
            )
        if len(report.replica) > MAX_ID:
            raise _bad("replica", report.replica[:MAX_ID])
        for field in ("grpc_address", "http_address"):
            if not is_address(getattr(report, field)):
                raise _bad(field, getattr(report, field)[:MAX_ID])
        self._directory.report_replica(report)


def _bad(field: str, value: str) -> BadReportError:
    return BadReportError(
        Text(
            en=f"{field} is {value!r}; it has to be ip:port, and names at most {MAX_ID} characters.",
            id=f"{field} berisi {value!r}; isinya harus ip:port, dan nama paling panjang {MAX_ID} karakter.",
        ),
        field=field,
    )
