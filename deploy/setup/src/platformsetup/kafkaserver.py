"""Kafka as one KRaft node, broker and controller in one process.

`python -m platformsetup.kafkaserver [NAME=VALUE]...` runs it in the foreground; the arguments are settings of Kafka's
own. `python -m platformsetup.kafkaserver ping` ends with 0 when the broker takes requests. Environment:

    KAFKA_DATA        folder of the log; formatted at the first start
    KAFKA_PASSWORD    of the one account, `ACCOUNT`, by SASL PLAIN
    KAFKA_ADVERTISED  host:port as clients reach it
    KAFKA_LISTEN      host:port (0.0.0.0:9092)
    KAFKA_CONTROLLER  host:port on loopback (127.0.0.1:9093)
    KAFKA_INTERNAL    host:port on loopback (127.0.0.1:9094), where the broker calls itself
    KAFKA_JARS        folder of the jars (/opt/kafka)

Needs the standard library only.
"""

import os
import re
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from platformsetup.errors import NotReadyError, SetupError
from platformsetup.java import find_java

__all__ = ["ACCOUNT", "SERVER_SETTINGS", "Node", "expect_broker", "main"]

ACCOUNT = "ingest"
"""The name that clients sign in with."""

SERVER_SETTINGS = {
    # One node: a second copy of its own topics would wait for ever for a second broker.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    # A mistyped name is an error, not a new topic.
    "auto.create.topics.enable": "false",
    # There is no copy elsewhere of what a lost machine had not written yet.
    "log.flush.interval.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.io.threads": "4",
    "group.initial.rebalance.delay.ms": "0",
}
"""Settings that arguments may change."""

# A fixed name: the folder is this node's whichever pod or process opens it.
_CLUSTER = "bHVtYnVuZy1rYWZrYS0wMQ"
_LISTENERS = ("CLIENT", "CONTROLLER", "INTERNAL")
_MAIN = "kafka.Kafka"
_FORMAT = "kafka.tools.StorageTool"
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
# Between quotes in what Java reads.
_UNFIT_PASSWORD = re.compile(r'["\\\s]')
_JAVA = (
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
    # Hundreds of lines at each start.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
)
_FORMAT_SECONDS = 120.0
_PING_SECONDS = 4.0
_MOST_BYTES = 2**16


@dataclass(frozen=True)
class Node:
    """Where a node keeps its log and listens; addresses are host:port."""

    data: Path
    advertised: str
    listen: str = "0.0.0.0:9092"
    controller: str = "127.0.0.1:9093"
    internal: str = "127.0.0.1:9094"

    def settings(self) -> dict[str, str]:
        """Settings that make the node what it is; every port wants the account's or the node's own password."""
        # Java reads the passwords from its environment: none is in a file.
        own = '"${env:KAFKA_NODE_PASSWORD}"'
        accounts = f'user_node={own} user_{ACCOUNT}="${{env:KAFKA_PASSWORD}}"'
        login = (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f"username=node password={own} {accounts};"
        )
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.controller}",
            "listeners": f"CLIENT://{self.listen},CONTROLLER://{self.controller},INTERNAL://{self.internal}",
            "advertised.listeners": f"CLIENT://{self.advertised},INTERNAL://{self.internal}",
            "controller.listener.names": "CONTROLLER",
            # Not by the advertised address: from inside a pod that may lead nowhere.
            "inter.broker.listener.name": "INTERNAL",
            "listener.security.protocol.map": ",".join(f"{name}:SASL_PLAINTEXT" for name in _LISTENERS),
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            **{f"listener.name.{name.lower()}.plain.sasl.jaas.config": login for name in _LISTENERS},
            "config.providers": "env",
            "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
            "config.providers.env.param.allowlist.pattern": "KAFKA_(NODE_)?PASSWORD",
            "log.dirs": str(self.data / "log"),
        }


def properties(node: Node, more: Mapping[str, str]) -> str:
    """The text of `server.properties`; SetupError when `more` changes what only this program may."""
    fixed = node.settings()
    for name in more:
        if not _NAME.fullmatch(name):
            raise SetupError(f"{name!r} is not the name of a Kafka setting")
        if name in fixed or name.startswith(("listener.", "sasl.", "config.providers")):
            raise SetupError(f"the Kafka setting {name} cannot be changed: it is made from the addresses")
    return "".join(
        f"{name}={_escaped(value)}\n" for name, value in {**SERVER_SETTINGS, **more, **fixed}.items()
    )


def expect_broker(address: str) -> None:
    """Ask a broker at host:port for the versions it speaks; NotReadyError unless it answers.

    That needs no sign-in, and a broker answers only once it has joined its controller.
    """
    host, _, port = address.rpartition(":")
    # Header: length, API 18 (ApiVersions), version 0, a number that comes back, no name of ours.
    request = struct.pack(">ihhih", 10, 18, 0, 1, -1)
    try:
        with socket.create_connection((host, int(port)), timeout=_PING_SECONDS) as connection:
            connection.sendall(request)
            length, number, error = struct.unpack(">iih", _read(connection, 10))
    except OSError as failure:
        raise NotReadyError(f"Kafka at {address} does not answer: {failure}") from failure
    if number != 1 or error != 0 or not 0 < length < _MOST_BYTES:
        raise NotReadyError(f"what listens at {address} does not speak Kafka's protocol")


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """Becomes the broker, or ends with the reason why it cannot."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given == ["ping"]:
            expect_broker(f"127.0.0.1:{environ.get('KAFKA_LISTEN', Node.listen).rpartition(':')[2]}")
            raise SystemExit(0)
        argv, env = _prepare(given, environ)
    except (SetupError, NotReadyError, OSError) as error:
        raise SystemExit(f"Kafka: {error}") from error
    os.execve(argv[0], argv, env)  # noqa: S606 - no shell


def _prepare(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Formats the folder at the first start; returns the broker's command and environment."""
    for name in ("KAFKA_DATA", "KAFKA_PASSWORD", "KAFKA_ADVERTISED"):
        if not environ.get(name):
            raise SetupError(f"the environment variable {name} is not set")
    if _UNFIT_PASSWORD.search(environ["KAFKA_PASSWORD"]):
        raise SetupError(
            'KAFKA_PASSWORD has a space, a quote (") or a backslash in it: give another password'
        )
    node = Node(
        Path(environ["KAFKA_DATA"]),
        environ["KAFKA_ADVERTISED"],
        environ.get("KAFKA_LISTEN", Node.listen),
        environ.get("KAFKA_CONTROLLER", Node.controller),
        environ.get("KAFKA_INTERNAL", Node.internal),
    )
    more = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if len(more) != len(arguments):
        raise SetupError(f"arguments are NAME=VALUE, each name once, or `ping`; got {' '.join(arguments)!r}")
    config = node.data / "server.properties"
    config.write_text(properties(node, more))
    env = {**environ, "KAFKA_NODE_PASSWORD": secrets.token_urlsafe(32)}
    java = [str(find_java()), *_JAVA, "-cp", f"{environ.get('KAFKA_JARS', '/opt/kafka')}/*"]
    _format([*java, _FORMAT, "format", "-t", _CLUSTER, "-c", str(config), "--ignore-formatted"], env)
    return [*java, _MAIN, str(config)], env


def _format(command: list[str], env: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"formatting its folder took longer than {_FORMAT_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise SetupError(f"formatting its folder failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _read(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise ConnectionError("the connection was closed")
        content += part
    return content


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


if __name__ == "__main__":
    main()
