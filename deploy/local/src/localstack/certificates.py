"""A private certificate authority and the one certificate that Dask's scheduler, workers and clients share.

Whoever holds the key may run code on the workers, so it is a file of mode 0600 for this stack alone.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localstack.layout import write_private
from localstack.ports import HOST

_LIFETIME = timedelta(days=825)
_RENEW_BEFORE = timedelta(days=30)


def ensure_certificates(folder: Path) -> None:
    """Write `dask-ca.pem`, `dask-cert.pem` and `dask-key.pem`, unless they are good for another month."""
    certificate = folder / "dask-cert.pem"
    if certificate.exists():
        present = x509.load_pem_x509_certificate(certificate.read_bytes())
        if present.not_valid_after_utc - _RENEW_BEFORE > datetime.now(UTC):
            return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Lumbung local stack")
    authority = _builder(authority_name, authority_name, authority_key.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority_certificate = authority.sign(authority_key, hashes.SHA256())
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _builder(_name("dask"), authority_name, key.public_key())
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST)), x509.DNSName("localhost")]),
        critical=False,
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    leaf = leaf.add_extension(usage, critical=False)
    # The authority's key is not kept: nobody can issue another certificate that these workers trust.
    signed = leaf.sign(authority_key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(folder / "dask-ca.pem", authority_certificate.public_bytes(Encoding.PEM).decode())
    write_private(folder / "dask-key.pem", pem.decode())
    write_private(certificate, signed.public_bytes(Encoding.PEM).decode())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )
