"""A namespace that enforces Pod Security `restricted`, and single pods in it."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.cluster import Cluster

__all__ = ["Namespace", "restricted_namespace"]

TEMPORARY = "/tmp"  # noqa: S108 - in the pod
SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
IDENTITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@contextmanager
def restricted_namespace(cluster, name) -> "Iterator[Namespace]":
    """A fresh namespace; removed at the end."""
    cluster.create_namespace(name)
    try:
        yield Namespace(cluster, name)
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=true", "--timeout=120s")


@dataclass(frozen=True)
class Namespace:
    """Where a test puts its pods; each has a read-only root, no rights and no account."""

    cluster: Cluster
    name: str

    def pod(self, name, reference, *, command=None, args=None, env=None, folders=(), config=None, ports=()):
        """Starts a pod; `folders` are empty and writable, `config` is the text of /etc/lumbung/config.yaml.

        With `ports` there is a Service of the same name.
        """
        writable = (TEMPORARY, *folders)
        container = {
            "name": "main",
            "image": reference,
            "imagePullPolicy": "Never",
            "securityContext": SECURITY,
            "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
            "volumeMounts": [{"name": f"f{i}", "mountPath": path} for i, path in enumerate(writable)],
        }
        volumes = [{"name": f"f{i}", "emptyDir": {}} for i in range(len(writable))]
        if command is not None:
            container["command"] = command
        if args is not None:
            container["args"] = args
        documents = []
        if config is not None:
            documents.append(_object("v1", "ConfigMap", name, data={"config.yaml": config}))
            container["volumeMounts"].append({"name": "config", "mountPath": "/etc/lumbung"})
            volumes.append({"name": "config", "configMap": {"name": name}})
        if ports:
            numbered = [{"name": f"p{port}", "port": port} for port in ports]
            documents.append(
                _object("v1", "Service", name, spec={"selector": {"app": name}, "ports": numbered})
            )
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": IDENTITY,
            "containers": [container],
            "volumes": volumes,
        }
        documents.append(_object("v1", "Pod", name, spec=spec))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
            json.dump({"apiVersion": "v1", "kind": "List", "items": documents}, listing)
            listing.flush()
            self._kubectl("apply", "--filename", listing.name)

    def finish(self, name, *, seconds=120.0):
        """Waits until a pod ends well; returns what it printed."""
        deadline = time.monotonic() + seconds
        while (phase := self._phase(name)) not in {"Succeeded", "Failed"}:
            assert time.monotonic() < deadline, (
                f"{name} is {phase}: {self._kubectl('describe', 'pod', name)[-1500:]}"
            )
            time.sleep(0.5)
        text = self._kubectl("logs", name)
        assert phase == "Succeeded", f"{name} failed: {text[-2000:]}"
        return text

    def expect_running(self, name):
        """Fails with the log of a server that ended."""
        assert self._phase(name) not in {"Succeeded", "Failed"}, self._kubectl("logs", name)[-2000:]

    def _phase(self, name):
        return self._kubectl("get", "pod", name, "--output", "jsonpath={.status.phase}").strip()

    def _kubectl(self, *arguments):
        return self.cluster.kubectl("--namespace", self.name, *arguments)


def _object(version, kind, name, **rest):
    labels = {"app": name}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": labels}, **rest}
