"""Ray: one head node for the models, run by the inference service's own `ray_head` on loopback and fixed ports."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from localstack.environment import base_environment
from localstack.grpchealth import expect_serving
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.settings import StackSettings
from localstack.source import has_module, source_stamp
from localstack.vault import Vault

_PACKAGE = "inference_service"
_PROGRAM = "ray_head"
_TOKEN = "ray-token"  # noqa: S105 - the name of a file
# `session_<date>_<time>_<micro>_<pid>/sockets/plasma_store` has to fit into a unix socket's 107 characters.
_LONGEST_TEMP_DIR = 40
_PORTS = (
    "ray_gcs",
    "ray_node_manager",
    "ray_object_manager",
    "ray_agent_http",
    "ray_agent_grpc",
    "ray_runtime_env",
    "ray_own_metrics",
    "ray_metrics",
)


def ray_part(settings: StackSettings) -> Part:
    """The head node; the Serve application on it is deployed by the inference service."""
    head = RayHead(settings)
    return Part(
        name="ray",
        title="Ray head",
        launch=head.launch,
        clear=head.clear,
        probe=head.probe,
        ports=tuple(settings.ports[name] for name in _PORTS),
        stop_seconds=20.0,
        metrics_url=f"{settings.ports.url('ray_metrics')}/metrics",
        installed=has_module(_PACKAGE, _PROGRAM),
        urls={"ray": settings.ports.address("ray_gcs")},
    )


class RayHead:
    """Starts and questions the head node."""

    def __init__(self, settings: StackSettings) -> None:
        self._layout = Layout(settings.data_dir)
        self._ports = settings.ports
        self._vault = Vault(self._layout.secrets)

    def launch(self) -> Launch:
        """How to run the head in the foreground; it ends when one of Ray's own processes dies."""
        argv = [sys.executable, "-m", f"{_PACKAGE}.{_PROGRAM}", "--base-port", str(self._ports.base)]
        argv += ["--folder", os.fspath(self.temp_dir()), "--token-path", os.fspath(self._vault.path(_TOKEN))]
        stamp = source_stamp(f"{_PACKAGE}/{_PROGRAM}", f"{_PACKAGE}/ray_loopback")
        env = base_environment(self._layout)
        # On a busy machine Ray's agents start slowly; by default the head gives them up, and itself.
        env["RAY_agent_register_timeout_ms"] = "120000"
        return Launch(tuple(argv), env, self._layout.root, stamp=stamp)

    def clear(self) -> None:
        """Forget the sessions of earlier heads but for the last one's logs."""
        folder = self.temp_dir()
        sessions = sorted(path for path in folder.glob("session_2*") if not path.is_symlink())
        for path in sessions[:-1]:
            shutil.rmtree(path, ignore_errors=True)
        (folder / "ray_current_cluster").unlink(missing_ok=True)

    def probe(self) -> None:
        """GRPC health of the control store and of the node manager, with the token."""
        token = self._vault.read(_TOKEN)
        for name in ("ray_gcs", "ray_node_manager"):
            expect_serving(self._ports.address(name), token=token)

    def temp_dir(self) -> Path:
        """Folder for Ray's sockets: below the data folder, or a private short one where that path is too long."""
        folder = self._layout.data / "ray"
        if len(os.fspath(folder)) > _LONGEST_TEMP_DIR:
            remembered = self._layout.run / "ray-dir"
            if remembered.exists() and Path(remembered.read_text()).is_dir():
                return Path(remembered.read_text())
            folder = Path(tempfile.mkdtemp(prefix="lumbung-", dir="/tmp"))
            remembered.write_text(os.fspath(folder))
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder
