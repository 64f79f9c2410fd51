"""A second small process that starts the supervisor again when it dies.

The supervisor watches this guardian as one of its parts, so that neither can be lost alone. The guardian ends by
SIGTERM only; a stack that is not wanted has no `run/wanted.json`, and then it starts nothing.
"""

import sys
import time

from localstack.census import SUPERVISOR
from localstack.environment import base_environment, stack_environment
from localstack.layout import Layout
from localstack.process import MARK, spawn_orphan
from localstack.settings import StackSettings, load_settings
from localstack.state import read_state
from localstack.vault import Vault

_LOOK_EVERY_SECONDS = 1.0
_PATIENCE_SECONDS = 8.0


def start_supervisor(settings: StackSettings) -> None:
    """Start the supervisor in its own session, as nobody's child; it ends by itself when another one runs."""
    layout = Layout(settings.data_dir)
    mark = Vault(layout.secrets).read("stack-mark")
    env = base_environment(layout) | stack_environment(settings) | {MARK: f"{mark}:{SUPERVISOR}"}
    argv = (sys.executable, "-m", "localstack.supervisor")
    spawn_orphan(argv, env, layout.root, layout.log_file("supervisor"))


def main() -> None:
    """Look once a second whether the supervisor lives."""
    settings = load_settings()
    layout = Layout(settings.data_dir)
    last_seen = time.monotonic()
    while True:
        time.sleep(_LOOK_EVERY_SECONDS)
        state = read_state(layout.state_file)
        if state.supervised() or not layout.wanted_file.exists():
            last_seen = time.monotonic()
        elif state.supervisor is not None or time.monotonic() - last_seen > _PATIENCE_SECONDS:
            # Killed, or left for longer than a hand-over takes.
            start_supervisor(settings)
            time.sleep(_PATIENCE_SECONDS)
            last_seen = time.monotonic()


if __name__ == "__main__":
    main()
