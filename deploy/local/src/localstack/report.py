"""What the user sees: progress of `up` and the table of `status`."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from localstack.golden import Signals, read_signals
from localstack.layout import Layout
from localstack.memory import memory_by_part
from localstack.part import Part
from localstack.settings import StackSettings
from localstack.state import PartState, PartStatus, StackState, read_state
from localstack.vault import Vault

_TAIL_LINES = 12
_GREEN = (PartState.READY,)


class Progress:
    """Prints one line per part when it becomes ready, and trouble when it changes."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._shown: dict[str, tuple[PartState, str]] = {}
        self._width = max(len(name) for name in wanted)
        self._begin = time.monotonic()

    def show(self, state: StackState) -> None:
        """Print what changed since the last call."""
        for name in self._wanted:
            part = state.parts.get(name)
            if part is None or part.state in (PartState.WAITING, PartState.STARTING, PartState.UNHEALTHY):
                continue
            now = (part.state, part.detail)
            if self._shown.get(name) == now:
                continue
            self._shown[name] = now
            note = "kept running" if part.adopted and part.state is PartState.READY else part.detail
            seconds = time.monotonic() - self._begin
            sys.stdout.write(f"{seconds:6.1f} s  {name:<{self._width}}  {part.state.value}  {note}\n")
            sys.stdout.flush()

    def finish(
        self, settings: StackSettings, parts: Mapping[str, Part], state: StackState, *, seconds: float
    ) -> int:
        """Print URLs and role accounts, or what is not ready with the tail of its log."""
        layout = Layout(settings.data_dir)
        bad = [part for name, part in state.parts.items() if name in self._wanted and not _fine(part)]
        if bad or not state.supervised():
            for part in bad:
                sys.stdout.write(
                    f"\n{part.name}: {part.state.value}: {part.detail}\n{tail(layout.log_file(part.name))}"
                )
            sys.stdout.write(f"\nnot ready after {seconds:.0f} s: {', '.join(part.name for part in bad)}\n")
            return 1
        sys.stdout.write(f"\nthe stack is ready after {seconds:.1f} s\n\n")
        for name in self._wanted:
            for label, url in parts[name].urls.items():
                sys.stdout.write(f"  {label:<12} {url}\n")
        if "keycloak" in self._wanted:
            sys.stdout.write(f"\nrole accounts (passwords in {layout.secrets / 'accounts.json'}):\n")
            for account in Vault(layout.secrets).table("accounts"):
                sys.stdout.write(f"  {account}\n")
        return 0


def print_status(settings: StackSettings, *, as_json: bool) -> int:
    """Print the state of every part; 0 when all are ready."""
    layout = Layout(settings.data_dir)
    state = read_state(layout.state_file)
    memory = memory_by_part(layout)
    signals = {
        name: read_signals(part.metrics_kind, part.metrics_url)
        for name, part in state.parts.items()
        if part.state is PartState.READY
    }
    green = state.supervised() and bool(state.parts) and all(_fine(part) for part in state.parts.values())
    if as_json:
        _print_json(layout, state, memory, signals, green=green)
    else:
        _print_table(layout, state, memory, signals, green=green)
    return 0 if green else 1


def tail(log: Path) -> str:
    """Last lines of a log, indented."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 16_384))
            lines = stream.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        return "    (no log)\n"
    return "".join(f"    {line[:200]}\n" for line in lines)


def _fine(part: PartStatus) -> bool:
    return part.state in (PartState.READY, PartState.MISSING)


def _print_json(
    layout: Layout,
    state: StackState,
    memory: dict[str, int],
    signals: dict[str, Signals | None],
    *,
    green: bool,
) -> None:
    now = time.time()
    document = {
        "green": green,
        "supervised": state.supervised(),
        "data_dir": str(layout.root),
        "memory_bytes": sum(memory.values()),
        "parts": {
            name: asdict(part)
            | {
                "memory_bytes": memory.get(name, 0),
                "uptime_seconds": now - part.started_at if part.started_at and part.pid else 0.0,
                "signals": asdict(found) if (found := signals.get(name)) else None,
                "log": str(layout.log_file(name)),
            }
            for name, part in state.parts.items()
        },
    }
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


def _print_table(
    layout: Layout,
    state: StackState,
    memory: dict[str, int],
    signals: dict[str, Signals | None],
    *,
    green: bool,
) -> None:
    if all(part.state is PartState.STOPPED for part in state.parts.values()):
        sys.stdout.write("nothing runs; start it with `make up`\n")
        return
    if not state.supervised():
        sys.stdout.write(
            "the supervisor does not run: the parts below are as it last saw them; `make up` heals\n"
        )
    sys.stdout.write(
        f"{'part':<15} {'state':<13} {'pid':>7} {'restarts':>8} {'uptime':>8} {'memory':>9} "
        f"{'requests':>9} {'errors':>7} {'p50 ms':>7} {'p99 ms':>7}\n"
    )
    for name, part in state.parts.items():
        uptime = _duration(time.time() - part.started_at) if part.started_at and part.pid else "-"
        found = signals.get(name)
        golden = (
            f"{found.requests:>9} {found.errors:>7} {_ms(found.p50_seconds):>7} {_ms(found.p99_seconds):>7}"
            if found
            else f"{'-':>9} {'-':>7} {'-':>7} {'-':>7}"
        )
        used = f"{memory.get(name, 0) / 2**20:.0f} MiB"
        sys.stdout.write(
            f"{name:<15} {part.state.value:<13} {part.pid or '-':>7} {part.restarts:>8} {uptime:>8} {used:>9} {golden}\n"
        )
    own = memory.get("supervisor", 0)
    total = sum(memory.values())
    sys.stdout.write(
        f"\nmemory {total / 2**30:.2f} GiB (proportional set size, of it {own / 2**20:.0f} MiB the supervisor)\n"
    )
    for name, part in state.parts.items():
        if part.state not in _GREEN:
            sys.stdout.write(f"\n{name}: {part.detail}\n{tail(layout.log_file(name))}")
    sys.stdout.write("\nall parts are ready\n" if green else "\nNOT all parts are ready\n")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"
