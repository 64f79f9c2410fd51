"""Ray: one head node for the models, token on, no dashboard, fixed ports on loopback as far as Ray allows."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from localstack.environment import base_environment
from localstack.grpchealth import expect_serving
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault

_OBJECT_STORE_BYTES = 150 * 2**20
# `session_<date>_<time>_<micro>_<pid>/sockets/plasma_store` has to fit into a unix socket's 107 characters.
_LONGEST_TEMP_DIR = 40


def ray_part(settings: StackSettings) -> Part:
    """The head node; the Serve application on it is deployed by the inference service."""
    head = RayHead(settings)
    names = (
        "ray_gcs",
        "ray_node_manager",
        "ray_object_manager",
        "ray_agent_http",
        "ray_agent_grpc",
        "ray_runtime_env",
    )
    return Part(
        name="ray",
        title="Ray head",
        launch=head.launch,
        clear=head.clear,
        probe=head.probe,
        ports=tuple(settings.ports[name] for name in names),
        stop_seconds=15.0,
        metrics_url=f"{settings.ports.url('ray_metrics')}/metrics",
        urls={"ray": f"ray://{settings.ports.address('ray_gcs')}"},
    )


def ray_environment(settings: StackSettings) -> dict[str, str]:
    """Ray's settings for the head and for drivers; Serve's have to be the same on both sides."""
    ports = settings.ports
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": os.fspath(Layout(settings.data_dir).secrets / "ray-token"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_DIRECT_INGRESS": "1",
        # The maxima are exclusive.
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports["serve_grpc"]),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports["serve_grpc_last"] + 1),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports["serve_http"]),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports["serve_http_last"] + 1),
        # With two ports, holding a dead replica's port back would leave nothing to restart it on.
        "RAY_SERVE_PORT_QUARANTINE_S": "0",
        "RAY_ADDRESS": ports.address("ray_gcs"),
    }


class RayHead:
    """Starts and questions the head node."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._layout = Layout(settings.data_dir)
        self._ports = settings.ports
        self._vault = Vault(self._layout.secrets)

    def launch(self) -> Launch:
        """How to run the head in the foreground; it ends when one of its own processes dies."""
        ports = self._ports
        argv = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block"]
        argv += ["--disable-usage-stats", "--log-style=record", "--log-color=false"]
        argv += [f"--node-ip-address={HOST}", f"--port={ports['ray_gcs']}"]
        argv += [f"--node-manager-port={ports['ray_node_manager']}"]
        argv += [f"--object-manager-port={ports['ray_object_manager']}"]
        argv += [f"--dashboard-agent-listen-port={ports['ray_agent_http']}"]
        argv += [f"--dashboard-agent-grpc-port={ports['ray_agent_grpc']}"]
        argv += [f"--runtime-env-agent-port={ports['ray_runtime_env']}"]
        argv += [
            f"--metrics-export-port={ports['ray_metrics']}",
            f"--dashboard-port={ports['ray_dashboard']}",
        ]
        argv += [
            f"--min-worker-port={ports['ray_worker_first']}",
            f"--max-worker-port={ports['ray_worker_last']}",
        ]
        argv += ["--include-dashboard=false", "--include-log-monitor=false", "--num-cpus=2", "--num-gpus=0"]
        argv += [f"--object-store-memory={_OBJECT_STORE_BYTES}", f"--temp-dir={self.temp_dir()}"]
        env = base_environment(self._layout) | ray_environment(self._settings)
        env |= {"OMP_NUM_THREADS": "1", "RAY_START_HOOK": "localstack.rayhook.keep_to_loopback"}
        # The head itself does not connect to a cluster.
        del env["RAY_ADDRESS"]
        return Launch(tuple(argv), env, self._layout.root)

    def clear(self) -> None:
        """Forget the sessions of earlier heads; what they served is deployed again by the inference service."""
        folder = self.temp_dir()
        for path in folder.glob("session_*"):
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)
        (folder / "ray_current_cluster").unlink(missing_ok=True)

    def probe(self) -> None:
        """GRPC health of the control store and of the node manager, with the token."""
        token = self._vault.read("ray-token")
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
