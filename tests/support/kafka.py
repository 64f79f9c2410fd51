"""A real Kafka broker for tests: one KRaft node in one process, on free loopback ports, its log in a temporary folder.

Fixture: `kafka_broker` (a `KafkaBroker`), one per test session; it is killed and started again by tests of their own
broker (`run_kafka`). The first use on a machine fetches the jars by Maven.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from platformsetup import kafkaserver
from platformsetup.buildcache import cache_folder
from platformsetup.errors import NotReadyError
from platformsetup.kafkajars import fetched_jars

from support.servers import free_ports

__all__ = ["KafkaBroker", "kafka_broker", "run_kafka"]

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0


@dataclass
class KafkaBroker:
    """A broker; `client` has what every client of confluent-kafka needs to reach it."""

    folder: Path
    port: int
    controller_port: int
    internal_port: int
    password: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(16))
    _process: subprocess.Popen[bytes] | None = field(repr=False, default=None)

    @property
    def bootstrap(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> dict[str, Any]:
        """Address and sign-in, for a Producer, Consumer or AdminClient."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": kafkaserver.ACCOUNT,
            "sasl.password": self.password,
        }

    @property
    def pid(self) -> int:
        """Of the running broker."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the broker said."""
        return self.folder / "server.log"

    def create_topic(self, prefix: str = "test", *, partitions: int = 1) -> str:
        """A fresh, empty topic; returns its name."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        admin = AdminClient(self.client)
        (made,) = admin.create_topics([NewTopic(name, partitions, 1)]).values()
        made.result(30)
        return name

    def start(self) -> None:
        """Start it on its folder, new or old, and wait until it answers."""
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env |= {
            "KAFKA_DATA": str(self.folder),
            "KAFKA_JARS": str(fetched_jars(cache_folder(os.environ))),
            "KAFKA_LISTEN": self.bootstrap,
            "KAFKA_ADVERTISED": self.bootstrap,
            "KAFKA_CONTROLLER": f"127.0.0.1:{self.controller_port}",
            "KAFKA_INTERNAL": f"127.0.0.1:{self.internal_port}",
            "KAFKA_PASSWORD": self.password,
            "JAVA_TOOL_OPTIONS": f"-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir={self.folder}",
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "platformsetup.kafkaserver"],
                env=env,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                kafkaserver.expect_broker(self.bootstrap)
            except NotReadyError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    said = self.log.read_text(errors="replace")[-4000:]
                    raise RuntimeError(f"Kafka did not start:\n{said}") from None
                time.sleep(0.1)
            else:
                return

    def stop(self) -> int:
        """End it as a cluster does, by SIGTERM; returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(_STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut does; nothing happens where it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)


@contextlib.contextmanager
def run_kafka(parent: Path | None = None) -> Iterator[KafkaBroker]:
    """Start a broker in a fresh folder (in `parent`); end it and remove the folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lumbung-kafka-", dir=parent))
    broker = KafkaBroker(folder, *free_ports(3))
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[KafkaBroker]:
    """A broker for the whole test session."""
    with run_kafka() as broker:
        yield broker
