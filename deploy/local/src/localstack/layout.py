"""Folders and files below the data folder."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one stack; nothing is ever written outside `root` but the shared Keycloak cache."""

    root: Path

    @property
    def secrets(self) -> Path:
        """Passwords, tokens and private keys; folder 0700, files 0600."""
        return self.root / "secrets"

    @property
    def config(self) -> Path:
        """Generated settings of each part."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.root / "logs"

    @property
    def data(self) -> Path:
        """State that outlives a restart."""
        return self.root / "data"

    @property
    def run(self) -> Path:
        """Pid records and the supervisor's state."""
        return self.root / "run"

    @property
    def tmp(self) -> Path:
        """TMPDIR of every part."""
        return self.root / "tmp"

    @property
    def state_file(self) -> Path:
        """State of all parts as JSON, written by the supervisor."""
        return self.run / "state.json"

    @property
    def wanted_file(self) -> Path:
        """What `up` asked for: names of parts."""
        return self.run / "wanted.json"

    @property
    def supervisor_lock(self) -> Path:
        """Held (flock) by the one supervisor."""
        return self.run / "supervisor.lock"

    @property
    def stack_file(self) -> Path:
        """Description of the stack for clients, tests and benchmarks."""
        return self.root / "stack.json"

    def log_file(self, part: str) -> Path:
        """Log of a part."""
        return self.logs / f"{part}.log"

    def record_file(self, part: str) -> Path:
        """Pid record of a part."""
        return self.run / f"{part}.pid.json"

    def create(self) -> None:
        """Create every folder; secrets, run and tmp are private, the rest can be traversed by PostgreSQL's user."""
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path, mode in (
            (self.config, 0o700),
            (self.logs, 0o755),
            (self.data, 0o755),
            (self.run, 0o700),
            (self.secrets, 0o700),
            (self.tmp, 0o700),
        ):
            path.mkdir(mode=mode, exist_ok=True)
            path.chmod(mode)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 in one atomic step, so that no reader sees half of it."""
    # A name of its own per write (mode 0600): two threads may write the same file.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    Path(temporary).replace(path)
