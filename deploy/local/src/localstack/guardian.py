"""A second small process that starts the supervisor again when it dies.

The supervisor watches this guardian as one of its parts, so that neither can be lost alone. The guardian ends by
SIGTERM only; a stack that is not wanted has no `run/wanted.json`, and then it starts nothing.
"""

import subprocess
import sys
import time

from localstack.environment import base_environment, stack_environment
from localstack.layout import Layout
from localstack.process import spawn
from localstack.settings import StackSettings, load_settings
from localstack.state import read_state

_LOOK_EVERY_SECONDS = 1.0
_PATIENCE_SECONDS = 8.0


def start_supervisor(settings: StackSettings) -> subprocess.Popen[bytes]:
    """Start the supervisor in its own session; it ends by itself when another one runs."""
    layout = Layout(settings.data_dir)
    env = base_environment(layout) | stack_environment(settings)
    argv = (sys.executable, "-m", "localstack.supervisor")
    return spawn(argv, env, layout.root, layout.log_file("supervisor"))


def main() -> None:
    """Look once a second whether the supervisor lives."""
    settings = load_settings()
    layout = Layout(settings.data_dir)
    last_seen = time.monotonic()
    child: subprocess.Popen[bytes] | None = None
    while True:
        time.sleep(_LOOK_EVERY_SECONDS)
        if child is not None and child.poll() is not None:
            child = None
        state = read_state(layout.state_file)
        if state.supervised() or not layout.wanted_file.exists():
            last_seen = time.monotonic()
        elif state.supervisor is not None or time.monotonic() - last_seen > _PATIENCE_SECONDS:
            # Killed, or left for longer than a hand-over takes.
            child = start_supervisor(settings)
            time.sleep(_PATIENCE_SECONDS)
            last_seen = time.monotonic()


if __name__ == "__main__":
    main()
