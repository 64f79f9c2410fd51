"""One real Kubernetes node for the tests, made by the shared cluster tools, with the project's images in it."""

import base64
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localstack.settings import s3_program
from platformimages.build import known

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "lumbung"
IMAGES = ROOT / "build" / "images"
PATIENCE = 900
_KUBELET_SECONDS = 120

REST_SECONDS = 420

# Which object store is installed: LUMBUNG_S3_PROGRAM, as for the local stack.
STORE = s3_program(os.environ)


def tools() -> Path:
    """The script that makes a node: in LUMBUNG_CLUSTER_TOOLS, else beside the checkout."""
    folder = os.environ.get("LUMBUNG_CLUSTER_TOOLS") or ROOT.parent / "shared" / "tools" / "cluster"
    return Path(folder) / "cluster.sh"


@dataclass(frozen=True)
class Cluster:
    """A running node. ClusterIPs answer only inside its network: `inside` runs a program there."""

    script: Path

    def run(self, *arguments: str, check: bool = True, timeout: float = PATIENCE) -> str:
        """Runs the script and gives its standard output; a failure shows what it said."""
        done = subprocess.run(
            [str(self.script), *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(arguments[:8])}: {done.stdout[-2000:]}{done.stderr[-4000:]}", pytrace=False
            )
        return done.stdout

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """`kubectl`."""
        return self.run("kubectl", *arguments, check=check)

    def objects(self, kinds: str, namespace: str, *arguments: str) -> list[dict[str, Any]]:
        """Objects of these kinds."""
        listed: list[dict[str, Any]] = json.loads(
            self.kubectl("get", kinds, "--namespace", namespace, "--output", "json", *arguments)
        )["items"]
        return listed

    def helm(self, *arguments: str, check: bool = True) -> str:
        """`helm`."""
        return self.run("helm", *arguments, check=check)

    def inside(self, *command: str) -> "subprocess.Popen[str]":
        """Starts a program in the node's network."""
        return subprocess.Popen(
            [str(self.script), "exec", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def create_namespace(self, name: str) -> None:
        """A namespace that enforces Pod Security "restricted"."""
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")

    def restart_kubelet(self) -> None:
        """Kills the kubelet, which the node starts again, and waits until the node says Ready anew."""
        was = self._heartbeat()
        subprocess.run(["pkill", "-9", "-f", f"^{os.environ['CLUSTER_DIR']}/bin/kubelet "], check=True)
        deadline = time.monotonic() + _KUBELET_SECONDS
        while time.monotonic() < deadline:
            ready, beat = self._heartbeat()
            if ready and beat != was[1]:
                return
            time.sleep(1)
        pytest.fail(f"the kubelet was not back after {_KUBELET_SECONDS} s", pytrace=False)

    def _heartbeat(self) -> tuple[bool, str]:
        """Whether the node is Ready, and when its kubelet last renewed its lease."""
        node = json.loads(self.kubectl("get", "node", "node1", "--output", "json"))
        lease = json.loads(
            self.kubectl("get", "lease", "node1", "--namespace", "kube-node-lease", "--output", "json")
        )
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        return ready, lease["spec"]["renewTime"]

    def memory(self, namespace: str) -> dict[str, int]:
        """Working set of each container in MiB, by `part/container`."""
        summary = json.loads(self.kubectl("get", "--raw", "/api/v1/nodes/node1/proxy/stats/summary"))
        found = {}
        for pod in summary["pods"]:
            if pod["podRef"]["namespace"] == namespace:
                for container in pod.get("containers", []):
                    used = container.get("memory", {}).get("workingSetBytes", 0)
                    found[f"{pod['podRef']['name']}/{container['name']}"] = used // 2**20
        return found


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A fresh node with every image loaded; afterwards it is gone. Only one runs on a machine at a time."""
    script = tools()
    if not script.exists() or os.geteuid() != 0:
        pytest.skip(
            f"NO CLUSTER: the installation is NOT tested here. It needs root and {script}; "
            "set LUMBUNG_CLUSTER_TOOLS to the folder of cluster.sh."
        )
    folder = Path(os.environ.setdefault("CLUSTER_DIR", "/var/tmp/lumbung-k8s"))  # noqa: S108
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = Cluster(script)
        build = [sys.executable, "-m", "platformimages", "build"]
        subprocess.run(build, cwd=ROOT, check=True)
        if STORE == "minio":
            subprocess.run([*build, "minio"], cwd=ROOT, check=True)
        cluster.run("build")
        cluster.run("down", check=False)
        cluster.run("up")
        try:
            archives = [built.archive for built in known().values() if built.name != "base"]
            cluster.run("load", *(str(IMAGES / archive) for archive in archives))
            yield cluster
        finally:
            if not os.environ.get("LUMBUNG_KEEP_CLUSTER"):
                cluster.run("down", check=False)


@dataclass
class Release:
    """The chart, installed."""

    cluster: Cluster
    namespace: str = "lumbung"
    name: str = "lumbung"

    def arguments(self, *more: str) -> list[str]:
        """What install and upgrade have in common."""
        values = ["--values", str(CHART / "values-kind.yaml"), "--values", str(IMAGES / "values.yaml")]
        store = ["--set", f"objectstore.kind={STORE}"]
        return [self.name, str(CHART), "--namespace", self.namespace, *values, *store, *more]

    def pods(self) -> list[dict[str, Any]]:
        """Pods of the servers (not of jobs), those that are leaving left out."""
        return [
            pod
            for pod in self.cluster.objects("pods", self.namespace)
            if "deletionTimestamp" not in pod["metadata"]
            and pod["metadata"]["ownerReferences"][0]["kind"] != "Job"
        ]

    def wait_ready(self, seconds: float) -> float:
        """Waits until every server is ready and every job done; gives the seconds that it took."""
        started = time.monotonic()
        while missing := self._missing():
            if time.monotonic() - started > seconds:
                pytest.fail(
                    f"not ready after {seconds:.0f} s: {'; '.join(missing)}\n{self.told()}", pytrace=False
                )
            time.sleep(2)
        return time.monotonic() - started

    @contextmanager
    def at_rest(self, seconds: float) -> Iterator[None]:
        """Without its servers for a while: a node of two CPUs has room for one release's requests, and a rolling upgrade's."""
        replicas = {
            f"{entry['kind'].lower()}/{entry['metadata']['name']}": entry["spec"]["replicas"]
            for entry in self.cluster.objects("deployments,statefulsets", self.namespace)
        }
        for workload in replicas:
            self._scale(workload, 0)
        try:
            yield
        finally:
            for workload, number in replicas.items():
                self._scale(workload, number)
        if replicas:
            self.wait_ready(seconds)

    def _scale(self, workload: str, number: int) -> None:
        self.cluster.kubectl("scale", workload, f"--replicas={number}", "--namespace", self.namespace)

    def main_job(self) -> str:
        """Runs `helm test`; gives the line with the rows of every table."""
        # Helm's own exit code says less than the job's log.
        self.cluster.helm("test", self.name, "--namespace", self.namespace, "--timeout", "12m", check=False)
        log = self.cluster.kubectl("logs", "--namespace", self.namespace, "job/lumbung-test", "--tail", "60")
        (job,) = [
            entry
            for entry in self.cluster.objects("jobs", self.namespace)
            if entry["metadata"]["name"] == "lumbung-test"
        ]
        assert job["status"].get("succeeded") == 1, log
        (rows,) = re.findall(r"^8 row counts +ok +(.*?)  ", log, re.MULTILINE)
        return str(rows)

    def caller(self, module: str, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
        """Starts a module of tests/support in the node's network; it is told the gateway, Keycloak and the accounts."""
        accounts = folder / "accounts.json"
        (secret,) = [
            entry["data"]
            for entry in self.cluster.objects("secrets", self.namespace)
            if entry["metadata"]["name"] == "lumbung-accounts"
        ]
        accounts.write_bytes(base64.b64decode(secret["accounts.json"]))
        addresses = {
            entry["metadata"]["name"]: entry["spec"]["clusterIP"]
            for entry in self.cluster.objects("services", self.namespace)
        }
        known = (addresses["lumbung-gateway"], addresses["lumbung-keycloak"], str(accounts))
        path = f"PYTHONPATH={ROOT / 'tests'}"
        return self.cluster.inside("env", path, sys.executable, "-m", f"support.{module}", *known, *arguments)

    @contextmanager
    def steady_load(
        self, folder: Path, *arguments: str, settle_seconds: float = 25
    ) -> Iterator[dict[str, Any]]:
        """20 calls a second through the gateway while the context lasts and a while longer; then it says what became of them.

        Old pods go on answering for a while after new ones are ready. `arguments` are those of support.steadyload.
        """
        said: dict[str, Any] = {}
        process = self.caller("steadyload", folder, *arguments)
        try:
            time.sleep(5)
            yield said
            time.sleep(settle_seconds)
        finally:
            process.send_signal(signal.SIGINT)
            printed = process.communicate(timeout=60)[0]
        said |= json.loads(printed.splitlines()[-1])

    def told(self) -> str:
        """The last lines of what is not ready, for a failure's report."""
        lines = [self.cluster.kubectl("get", "pods", "--namespace", self.namespace)]
        for pod in self.cluster.objects("pods", self.namespace):
            name = pod["metadata"]["name"]
            if not _ready(pod) and pod["status"]["phase"] != "Succeeded":
                log = self.cluster.kubectl(
                    "logs",
                    name,
                    "--namespace",
                    self.namespace,
                    "--all-containers",
                    "--tail",
                    "8",
                    check=False,
                )
                lines.append(f"== {name}\n{log}")
        return "\n".join(lines)

    def _missing(self) -> list[str]:
        pods = [pod["metadata"]["name"] for pod in self.pods() if not _ready(pod)]
        jobs = [
            job["metadata"]["name"]
            for job in self.cluster.objects("jobs", self.namespace)
            if not job["status"].get("succeeded")
        ]
        workloads = [
            entry["metadata"]["name"]
            for entry in self.cluster.objects("deployments,statefulsets", self.namespace)
            if entry["status"].get("observedGeneration", 0) < entry["metadata"]["generation"]
            or entry["status"].get("updatedReplicas", 0) < entry["spec"]["replicas"]
            or entry["status"].get("readyReplicas", 0) < entry["spec"]["replicas"]
        ]
        return [*pods, *jobs, *workloads]


@contextmanager
def separate_release(cluster: Cluster, namespace: str) -> Iterator[Release]:
    """A release in a restricted namespace of its own, to be installed by the caller; both go at the end.

    The release of the other tests rests meanwhile.
    """
    release = Release(cluster, namespace=namespace)
    with Release(cluster).at_rest(REST_SECONDS):
        cluster.create_namespace(namespace)
        try:
            yield release
        finally:
            cluster.helm("uninstall", release.name, "--namespace", namespace, check=False)
            cluster.kubectl("delete", "namespace", namespace, "--wait=false", check=False)


def _ready(pod: dict[str, Any]) -> bool:
    return any(
        entry["type"] == "Ready" and entry["status"] == "True"
        for entry in pod["status"].get("conditions", [])
    )
