"""Memory of each part with all its descendants, as proportional set size.

Shared pages (PostgreSQL's buffers, libraries) are divided among those who map them, so that the sum is what the
stack really takes; the plain resident size would count them once per process.
"""

import re
from pathlib import Path

import psutil

from localstack.census import census
from localstack.layout import Layout

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def memory_by_part(layout: Layout) -> dict[str, int]:
    """Bytes per part, and of the supervisor itself."""
    total: dict[str, int] = {}
    for identity, name in census(layout).items():
        total[name] = total.get(name, 0) + proportional_bytes(identity.pid)
    return total


def proportional_bytes(pid: int) -> int:
    """Proportional set size of a process in bytes; resident size where the kernel does not tell; 0 when gone."""
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
        if found:
            return int(found.group(1)) * 1024
    except OSError:
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
