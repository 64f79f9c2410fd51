"""How far a run's cluster has come, and what keeps it from coming up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from servicekit.errors import Text

__all__ = ["Trouble", "find_trouble", "is_ready"]

_COMPONENT = "dask.org/component"
#: Reasons of a waiting container that no patience mends.
_HOPELESS = frozenset(
    {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)
_IMAGE = frozenset({"ErrImageNeverPull", "InvalidImageName", "ErrImagePull", "ImagePullBackOff"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong; `hopeless` when waiting is of no use."""

    text: Text
    hopeless: bool = False


def is_ready(pods: Sequence[dict[str, Any]]) -> bool:
    """Whether the scheduler and at least one worker are ready."""
    ready = {pod["metadata"]["labels"].get(_COMPONENT) for pod in pods if _is_ready(pod)}
    return {"scheduler", "worker"} <= ready


def find_trouble(
    pods: Sequence[dict[str, Any]], deployments: Sequence[dict[str, Any]], seconds: float
) -> Trouble | None:
    """The first reason that Kubernetes gives; None when it gives none.

    `seconds` have passed since the cluster was asked for: without any deployment after a while nobody makes them.
    """
    found = [*_containers(pods), *_deployments(deployments), *_scheduling(pods)]
    found.sort(key=lambda trouble: not trouble.hopeless)
    if found:
        return found[0]
    if not deployments and seconds > 15:  # noqa: PLR2004 - an operator answers within a second
        return Trouble(
            Text(
                en="the Dask operator makes nothing of it; is the deployment dask-operator running?",
                id="operator Dask tidak membuat apa pun; apakah deployment dask-operator berjalan?",
            )
        )
    return None


def _is_ready(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod.get("status", {}).get("conditions", [])
    )


def _containers(pods: Sequence[dict[str, Any]]) -> Iterator[Trouble]:
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", []):
            waiting = status.get("state", {}).get("waiting", {})
            reason = waiting.get("reason", "")
            if reason in _IMAGE:
                image = status["image"]
                yield Trouble(
                    Text(
                        en=f"the image {image} cannot be had ({reason})",
                        id=f"image {image} tidak dapat diambil ({reason})",
                    ),
                    reason in _HOPELESS,
                )
            elif reason in _HOPELESS or reason == "CrashLoopBackOff":
                said = f"{pod['metadata']['name']}: {reason}: {waiting.get('message', '')[:200]}"
                yield Trouble(
                    Text(en=f"a pod does not start: {said}", id=f"pod tidak dapat dimulai: {said}"),
                    reason in _HOPELESS,
                )


def _deployments(deployments: Sequence[dict[str, Any]]) -> Iterator[Trouble]:
    for deployment in deployments:
        for condition in deployment.get("status", {}).get("conditions", []):
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                said = condition.get("message", "")[:300]
                if "exceeded quota" in said:
                    yield Trouble(
                        Text(
                            en=f"the namespace's quota does not let the pods in: {said}",
                            id=f"kuota namespace tidak mengizinkan pod: {said}",
                        )
                    )
                else:
                    yield Trouble(Text(en=f"a pod is refused: {said}", id=f"pod ditolak: {said}"))


def _scheduling(pods: Sequence[dict[str, Any]]) -> Iterator[Trouble]:
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                said = condition.get("message", "")[:300]
                yield Trouble(
                    Text(en=f"no node has room for a pod: {said}", id=f"tidak ada node yang cukup: {said}")
                )
