"""In a cluster: why a pod does not run."""

from collections.abc import Iterator
from typing import Any

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_pods"]

_NO_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
_LOOK = ("Look at `kubectl describe pod` and at its log.", "Lihat `kubectl describe pod` dan log-nya.")


def check_pods(site: Site) -> Iterator[Finding]:
    """Images, missing Secrets, crashes, memory, and nodes without room."""
    if site.cluster is None:
        return
    for pod in site.cluster.objects("pods"):
        name = pod["metadata"]["name"]
        status = pod["status"]
        for condition in status.get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                reason = condition.get("message", condition.get("reason", ""))
                yield Finding(
                    "pod_unschedulable",
                    f"pod/{name}",
                    (f"No node takes the pod: {reason}", f"Tidak ada node yang menerima pod: {reason}"),
                    (
                        "Add a node, lower the part's requests, or bind its claim.",
                        "Tambah node, turunkan requests bagian itu, atau ikat klaimnya.",
                    ),
                )
        for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
            finding = _of_container(f"pod/{name} ({container['name']})", container)
            if finding is not None and finding.check == "container_fails":
                words = site.cluster.last_words(name)
                finding = Finding(
                    finding.check,
                    finding.place,
                    (f"{finding.what[0]} {words}".strip(), f"{finding.what[1]} {words}".strip()),
                    finding.remedy,
                )
            if finding is not None:
                yield finding


def _of_container(place: str, status: dict[str, Any]) -> Finding | None:
    waiting = status.get("state", {}).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    ended = status.get("lastState", {}).get("terminated", {}) or status.get("state", {}).get("terminated", {})
    if reason in _NO_IMAGE:
        image = status["image"]
        return Finding(
            "image_missing",
            place,
            (f"The image {image} is not there: {message}", f"Image {image} tidak ada: {message}"),
            (
                "Load it into the node or push it to the registry of image.registry; check its tag or digest.",
                "Muat ke node atau dorong ke registri image.registry; periksa tag atau digest-nya.",
            ),
        )
    if reason == "CreateContainerConfigError":
        return Finding(
            "secret_missing",
            place,
            (f"A Secret or a key of it is missing: {message}", f"Secret atau kuncinya tidak ada: {message}"),
            (
                "Make the Secret that secrets.*.existingSecret names, with every key of values.yaml.",
                "Buat Secret yang disebut secrets.*.existingSecret, dengan semua kunci di values.yaml.",
            ),
        )
    if ended.get("reason") == "OOMKilled" and not status.get("ready"):
        return Finding(
            "out_of_memory",
            place,
            ("The container needs more memory than its limit.", "Kontainer perlu memori di atas batasnya."),
            ("Raise resources.limits.memory of the part.", "Naikkan resources.limits.memory bagian itu."),
        )
    if reason in {"CrashLoopBackOff", "RunContainerError", "CreateContainerError"}:
        code = ended.get("exitCode", "?")
        return Finding(
            "container_fails",
            place,
            (
                f"{reason}, exit code {code}. {message}".strip(),
                f"{reason}, kode keluar {code}. {message}".strip(),
            ),
            _LOOK,
        )
    return None
