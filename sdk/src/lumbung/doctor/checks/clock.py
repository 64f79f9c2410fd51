"""Do this machine and the gateway agree on the time?"""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_clock"]

_SECONDS = 10
# Tokens are refused beyond 10 s, signed requests to the store beyond minutes; the header has whole seconds.
_MOST = 5.0


def check_clock(site: Site) -> Iterator[Finding]:
    """A silent gateway, or more skew than tokens forgive."""
    endpoints = site.endpoints
    url = f"{'https' if endpoints.tls else 'http'}://{endpoints.gateway}/healthz"
    try:
        with httpx.Client(timeout=_SECONDS, trust_env=False) as http:
            before = time.time()
            answer = http.get(url)
            here = (before + time.time()) / 2
        there = parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as error:
        yield Finding(
            "gateway_silent",
            url,
            (f"The gateway does not answer: {error}.", f"Gerbang tidak menjawab: {error}."),
            (
                "On a laptop `make up`; in a cluster look at the pods of the gateway, its Service and the way to it.",
                "Di laptop `make up`; di klaster lihat pod gateway, Service-nya, dan jalur ke sana.",
            ),
        )
        return
    skew = there - here
    if abs(skew) > _MOST:
        yield Finding(
            "clock_skew",
            url,
            (
                (
                    f"The gateway's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's; "
                    "tokens are refused beyond 10 s."
                ),
                (
                    f"Jam gerbang {abs(skew):.0f} d {'lebih cepat' if skew > 0 else 'lebih lambat'} dari mesin ini; "
                    "token ditolak di atas 10 d."
                ),
            ),
            (
                "Let both keep time by NTP (chrony, systemd-timesyncd).",
                "Samakan keduanya dengan NTP (chrony, systemd-timesyncd).",
            ),
        )
