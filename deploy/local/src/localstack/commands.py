"""What `up`, `down`, `reset` and `env` do; they speak with the supervisor through files and signals."""

import json
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

from localstack.census import SUPERVISOR, census
from localstack.errors import PortTakenError, StackError
from localstack.guardian import start_supervisor
from localstack.layout import Layout, write_private
from localstack.part import Part, closure
from localstack.portcheck import holder, is_free
from localstack.process import Identity, end, wait_gone
from localstack.report import Progress, print_status
from localstack.settings import StackSettings
from localstack.stackfile import client_environment, write_stack_file
from localstack.state import PartState, StackState, read_state
from localstack.vault import Vault

_HAND_OVER_SECONDS = 20.0
_DOWN_SECONDS = 90.0
_SUPERVISOR_SECONDS = 40.0
_POLL_SECONDS = 0.2


def up(settings: StackSettings, *, only: tuple[str, ...], timeout: float) -> int:
    """Start or heal the stack and wait until every wanted part is ready; 1 when one is not within `timeout` s."""
    begin = time.monotonic()
    layout = Layout(settings.data_dir)
    layout.create()
    Vault(layout.secrets).ensure()
    # Imported here, so that `status` and `down` need not load every part's libraries.
    from localstack.plan import plan_parts  # noqa: PLC0415

    parts = plan_parts(settings)
    wanted = closure(parts, only or tuple(parts))
    if only and "guardian" not in wanted:
        wanted = (*wanted, "guardian")
    _refuse_foreign_ports(layout, {name: parts[name] for name in wanted})
    _hand_over(layout)
    if not census(layout):
        layout.state_file.unlink(missing_ok=True)
    write_private(layout.wanted_file, json.dumps(wanted))
    write_stack_file(settings)
    start_supervisor(settings)
    progress = Progress(wanted)
    while time.monotonic() - begin < timeout:
        state = read_state(layout.state_file)
        if state.supervised():
            progress.show(state)
            if _settled(state, wanted):
                break
        elif time.monotonic() - begin > _SUPERVISOR_SECONDS:
            raise StackError(f"the supervisor does not run, see {layout.log_file('supervisor')}")
        time.sleep(_POLL_SECONDS)
    return progress.finish(settings, parts, read_state(layout.state_file), seconds=time.monotonic() - begin)


def down(settings: StackSettings) -> int:
    """End every process that the stack started, and nothing else; 0 also when nothing runs."""
    layout = Layout(settings.data_dir)
    if not layout.run.exists():
        sys.stdout.write("nothing runs\n")
        return 0
    layout.wanted_file.unlink(missing_ok=True)
    supervisors = _supervisors(layout)
    if supervisors:
        sys.stdout.write("ending the stack ...\n")
        end(supervisors, seconds=_DOWN_SECONDS)
    left = set(census(layout))
    end(left, seconds=20.0)
    sys.stdout.write("all parts ended\n" if left or supervisors else "nothing runs\n")
    return 0


def reset(settings: StackSettings) -> int:
    """End the stack and delete its data folder."""
    down(settings)
    if settings.data_dir.exists():
        _refuse_strange_folder(settings.data_dir)
        shutil.rmtree(settings.data_dir)
    sys.stdout.write(f"deleted {settings.data_dir}\n")
    return 0


def show_environment(settings: StackSettings) -> int:
    """Print shell exports that a client needs."""
    for name, value in client_environment(settings).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


def show_status(settings: StackSettings, *, as_json: bool) -> int:
    """Print the state of every part; 0 when all are ready, else 1."""
    return print_status(settings, as_json=as_json)


def _settled(state: StackState, wanted: tuple[str, ...]) -> bool:
    final = (PartState.READY, PartState.MISSING)
    return all(name in state.parts and state.parts[name].state in final for name in wanted)


def _hand_over(layout: Layout) -> None:
    """Let a running supervisor leave without ending its parts; the next one adopts them."""
    supervisors = _supervisors(layout)
    for supervisor in supervisors:
        supervisor.send(signal.SIGUSR1)
    if not wait_gone(supervisors, seconds=_HAND_OVER_SECONDS):
        end(supervisors, seconds=0.0, first_signal=signal.SIGKILL)


def _supervisors(layout: Layout) -> list[Identity]:
    return [identity for identity, name in census(layout).items() if name == SUPERVISOR]


def _refuse_foreign_ports(layout: Layout, parts: dict[str, Part]) -> None:
    own = {identity.pid for identity in census(layout)}
    taken = []
    for part in parts.values():
        for port in part.ports:
            if is_free(port):
                continue
            pid = holder(port)
            if pid is None or pid not in own:
                taken.append(f"{port} ({part.name}, {f'process {pid}' if pid else 'process not visible'})")
    if taken:
        raise PortTakenError(
            f"ports taken by somebody else: {', '.join(taken)}; end them, or set LUMBUNG_BASE_PORT to another number"
        )


def _refuse_strange_folder(path: Path) -> None:
    """A wrongly set data folder must not cost somebody's files."""
    if not (path / "run").is_dir() or not (path / "secrets").is_dir():
        raise StackError(f"{path} does not look like a data folder of the stack; nothing deleted")
