"""Memory of each part with all its descendants, as proportional set size.

Shared pages (PostgreSQL's buffers, libraries) are divided among those who map them, so that the sum is what the
stack really takes; the plain resident size would count them once per process.
"""

import re
from pathlib import Path

import psutil

from localstack.layout import Layout
from localstack.process import Identity, family, marked
from localstack.state import read_record, read_state
from localstack.vault import Vault

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def memory_by_part(layout: Layout) -> dict[str, int]:
    """Bytes per part, and of the supervisor itself."""
    vault = Vault(layout.secrets)
    if not vault.path("stack-mark").exists():
        return {}
    owners: dict[Identity, str] = {}
    for mark, identity in marked(f"{vault.read('stack-mark')}:"):
        owners[identity] = mark.partition(":")[2]
    for path in layout.run.glob("*.pid.json"):
        record = read_record(path)
        if record is not None:
            owners |= dict.fromkeys(family(record.identity), path.name.removesuffix(".pid.json"))
    supervisor = read_state(layout.state_file).supervisor
    if supervisor is not None and supervisor.alive():
        owners[supervisor] = "supervisor"
    total: dict[str, int] = {}
    for identity, name in owners.items():
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
