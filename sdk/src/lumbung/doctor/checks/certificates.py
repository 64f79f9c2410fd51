"""Certificates that have expired or soon will: the gateway's, and those in the release's Secrets or on the laptop."""

import base64
import binascii
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_gateway_certificate", "check_kept_certificates"]

_SOON = timedelta(days=14)
_SECONDS = 10


def check_gateway_certificate(site: Site) -> Iterator[Finding]:
    """Of a gateway with TLS; one that does not answer is told by another check."""
    if not site.endpoints.tls:
        return
    host, _, port = site.endpoints.gateway.rpartition(":")
    try:
        pem = ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=_SECONDS)
    except OSError:
        return
    yield from _judged(f"https://{site.endpoints.gateway}", pem.encode())


def check_kept_certificates(site: Site) -> Iterator[Finding]:
    """Of Dask, and what cert-manager or somebody put into a Secret of the release."""
    if site.stack is not None and "dask" in site.stack:
        path = Path(site.stack["dask"]["cert_file"])
        if path.exists():
            yield from _judged(str(path), path.read_bytes())
    if site.cluster is not None:
        for secret in site.cluster.objects("secrets"):
            text = (secret.get("data") or {}).get("tls.crt")
            if text:
                place = f"secret/{secret['metadata']['name']}"
                try:
                    yield from _judged(place, base64.b64decode(text))
                except binascii.Error:
                    yield _unreadable(place)


def _judged(place: str, pem: bytes) -> Iterator[Finding]:
    try:
        end = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        yield _unreadable(place)
        return
    left = end - datetime.now(UTC)
    if left < timedelta():
        yield Finding(
            "certificate_expired",
            place,
            (f"The certificate ended on {end:%Y-%m-%d}.", f"Sertifikat berakhir pada {end:%Y-%m-%d}."),
            _RENEW,
        )
    elif left < _SOON:
        yield Finding(
            "certificate_ends_soon",
            place,
            (
                f"The certificate ends in {left.days} days, on {end:%Y-%m-%d}.",
                f"Sertifikat berakhir {left.days} hari lagi, pada {end:%Y-%m-%d}.",
            ),
            _RENEW,
        )


_RENEW = (
    "Renew it: `make up` (laptop); delete the made Secret and run `helm upgrade`, or put a new one into yours (cluster).",
    "Perbarui: `make up` (laptop); hapus Secret buatan lalu jalankan `helm upgrade`, atau isi Secret Anda (klaster).",
)


def _unreadable(place: str) -> Finding:
    return Finding(
        "certificate_unreadable",
        place,
        ("This is no certificate in PEM.", "Ini bukan sertifikat PEM."),
        ("Put the right one there.", "Letakkan yang benar."),
    )
