"""Does the sign-in service answer, and does it name itself as the services expect?"""

from collections.abc import Iterator

import httpx

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_sign_in"]

_SECONDS = 10


def check_sign_in(site: Site) -> Iterator[Finding]:
    """Silent, not ready, or another issuer than the one that the tokens have to name."""
    issuer = site.endpoints.issuer
    try:
        with httpx.Client(timeout=_SECONDS, trust_env=False) as http:
            answer = http.get(f"{issuer}/.well-known/openid-configuration")
            named = answer.json().get("issuer") if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        yield _late(issuer, str(error) or type(error).__name__)
        return
    if named is None:
        yield _late(issuer, f"HTTP {answer.status_code}")
    elif named != issuer:
        yield Finding(
            "issuer_wrong",
            issuer,
            (
                f"The sign-in service calls itself {named}; services refuse tokens of another name than theirs.",
                f"Layanan masuk menamai diri {named}; layanan menolak token dengan nama lain.",
            ),
            (
                "Make the two the same: keycloak.publicUrl (chart) or LUMBUNG_ISSUER (this machine).",
                "Samakan keduanya: keycloak.publicUrl (chart) atau LUMBUNG_ISSUER (mesin ini).",
            ),
        )


def _late(issuer: str, reason: str) -> Finding:
    return Finding(
        "sign_in_silent",
        issuer,
        (
            f"The sign-in service does not answer as it should: {reason}.",
            f"Layanan masuk tidak menjawab semestinya: {reason}.",
        ),
        (
            "Keycloak takes up to some minutes at its first start; after that look at its log.",
            "Keycloak perlu beberapa menit pada awal pertama; setelah itu lihat log-nya.",
        ),
    )
