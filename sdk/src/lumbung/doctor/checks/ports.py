"""On a laptop: does every port of the stack belong to the stack?"""

import socket
from collections.abc import Iterator
from pathlib import Path

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_ports"]

# One port of each server that has to listen while the stack runs.
_SERVERS = ("gateway", "keycloak", "postgres", "s3", "ingest", "catalog", "compute", "inference", "portal")


def check_ports(site: Site) -> Iterator[Finding]:
    """A stopped stack whose port somebody else holds; a running one whose port nobody holds."""
    if site.stack is None:
        return
    runs = (Path(site.stack["data_dir"]) / "run" / "wanted.json").exists()
    silent = []
    for name in _SERVERS:
        port = site.stack["ports"][name]
        taken = _taken(port)
        if taken and not runs:
            yield Finding(
                "port_taken",
                f"127.0.0.1:{port}",
                (
                    f"The port of {name} is taken by another program; the stack is stopped.",
                    f"Porta {name} dipakai program lain; stack berhenti.",
                ),
                (
                    "End that program, or set LUMBUNG_BASE_PORT to a free range of 200 ports.",
                    "Hentikan program itu, atau atur LUMBUNG_BASE_PORT ke 200 porta yang kosong.",
                ),
            )
        elif not taken and runs:
            silent.append(f"{name} ({port})")
    if silent:
        yield Finding(
            "part_silent",
            ", ".join(silent),
            ("Nobody listens on the port of a part.", "Tidak ada yang mendengarkan di porta bagian ini."),
            (
                "`make status` shows why; `make up` heals it.",
                "`make status` menampilkan sebabnya; `make up` memperbaikinya.",
            ),
        )


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
