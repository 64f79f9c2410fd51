"""In a cluster: claims that no volume is bound to."""

from collections.abc import Iterator

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_claims"]


def check_claims(site: Site) -> Iterator[Finding]:
    """Pending and lost claims of the release."""
    if site.cluster is None:
        return
    for claim in site.cluster.objects("persistentvolumeclaims"):
        phase = claim["status"].get("phase")
        if phase == "Bound":
            continue
        kind = claim["spec"].get("storageClassName", "")
        yield Finding(
            "claim_not_bound",
            f"persistentvolumeclaim/{claim['metadata']['name']}",
            (
                f"The claim is {phase}; its storage class is {kind or 'the default one'}.",
                f"Klaim berstatus {phase}; kelas penyimpanannya {kind or 'yang bawaan'}.",
            ),
            (
                (
                    "Set persistence.storageClass to a class of the cluster, or make a default one. "
                    "A class that waits for its first pod is bound then."
                ),
                (
                    "Atur persistence.storageClass ke kelas yang ada, atau buat kelas bawaan. "
                    "Kelas yang menunggu pod pertama akan terikat saat itu."
                ),
            ),
        )
