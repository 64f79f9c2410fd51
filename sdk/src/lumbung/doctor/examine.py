"""Every check, one after the other."""

from collections.abc import Iterator

from lumbung.doctor.checks.certificates import check_gateway_certificate, check_kept_certificates
from lumbung.doctor.checks.claims import check_claims
from lumbung.doctor.checks.clock import check_clock
from lumbung.doctor.checks.disk import check_disk
from lumbung.doctor.checks.jobs import check_jobs
from lumbung.doctor.checks.pods import check_pods
from lumbung.doctor.checks.ports import check_ports
from lumbung.doctor.checks.quota import check_quota
from lumbung.doctor.checks.servers import check_servers
from lumbung.doctor.checks.sign_in import check_sign_in
from lumbung.doctor.cluster import KubectlError
from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Check, Site

__all__ = ["examine"]

_CHECKS: tuple[Check, ...] = (
    check_ports,
    check_disk,
    check_servers,
    check_pods,
    check_jobs,
    check_quota,
    check_claims,
    check_kept_certificates,
    check_gateway_certificate,
    check_sign_in,
    check_clock,
)


def examine(site: Site) -> list[Finding]:
    """Everything that is wrong, what lies deepest first. A check that cannot be made is a finding too."""
    found: list[Finding] = []
    for check in _CHECKS:
        found += _made(check, site)
    # One cluster that does not answer is one finding, not one of each check.
    return list(dict.fromkeys(found))


def _made(check: Check, site: Site) -> Iterator[Finding]:
    try:
        yield from check(site)
    except KubectlError as error:
        place = site.cluster.namespace if site.cluster else ""
        yield Finding(
            "kubectl",
            place,
            (f"The cluster cannot be read: {error}", f"Klaster tidak dapat dibaca: {error}"),
            (
                "Check the kubeconfig, the name of the namespace, and your rights in it.",
                "Periksa kubeconfig, nama namespace, dan hak Anda di dalamnya.",
            ),
        )
