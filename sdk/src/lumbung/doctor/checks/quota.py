"""In a cluster: pods that were never made, by a quota or by Pod Security. Only events tell of them."""

from collections.abc import Iterator

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_quota"]


def check_quota(site: Site) -> Iterator[Finding]:
    """Refused pods, and nodes that are out of disk."""
    if site.cluster is None:
        return
    for event in site.cluster.objects("events", all_of_namespace=True):
        place = f"{event['involvedObject']['kind'].lower()}/{event['involvedObject']['name']}"
        message = event.get("message", "")
        if event.get("reason") == "FailedCreate" and "exceeded quota" in message:
            yield Finding(
                "quota_exceeded",
                place,
                (
                    f"A quota of the namespace refuses a pod: {message}",
                    f"Kuota namespace menolak pod: {message}",
                ),
                (
                    "Raise the ResourceQuota, or lower replicas and requests in the values.",
                    "Naikkan ResourceQuota, atau turunkan replicas dan requests di values.",
                ),
            )
        elif event.get("reason") == "Evicted":
            yield Finding(
                "pod_evicted",
                place,
                (f"The node threw the pod out: {message}", f"Node mengeluarkan pod: {message}"),
                ("Give the node disk or memory.", "Beri node cakram atau memori."),
            )
