"""Kafka, where LUMBUNG_WITH asks for it: one broker for trying out ingest from a log."""

import sys

from localstack.environment import base_environment
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.settings import StackSettings
from localstack.source import source_stamp
from localstack.vault import Vault
from platformsetup import kafkajars, kafkaserver

_JVM = "-Xms64m -Xmx320m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"


def kafka_part(settings: StackSettings) -> Part:
    """One node; ready when it takes requests. Its topics are made by who needs them."""
    layout = Layout(settings.data_dir)
    ports = settings.ports

    def launch() -> Launch:
        jars = kafkajars.fetched_jars(settings.cache_dir)
        data = layout.data / "kafka"
        data.mkdir(mode=0o700, exist_ok=True)
        env = base_environment(layout) | {
            "KAFKA_DATA": str(data),
            "KAFKA_JARS": str(jars),
            "KAFKA_LISTEN": ports.address("kafka"),
            "KAFKA_ADVERTISED": ports.address("kafka"),
            "KAFKA_CONTROLLER": ports.address("kafka_controller"),
            "KAFKA_INTERNAL": ports.address("kafka_internal"),
            "KAFKA_PASSWORD": Vault(layout.secrets).read("kafka-password"),
            "JAVA_TOOL_OPTIONS": f"{_JVM} -Djava.io.tmpdir={layout.tmp}",
        }
        argv = (sys.executable, "-m", "platformsetup.kafkaserver")
        return Launch(argv, env, layout.root, stamp=source_stamp("platformsetup/kafkaserver"))

    return Part(
        name="kafka",
        title=f"Kafka {kafkajars.VERSION}",
        launch=launch,
        probe=lambda: kafkaserver.expect_broker(ports.address("kafka")),
        ports=tuple(ports[name] for name in ("kafka", "kafka_controller", "kafka_internal")),
        start_seconds=180.0,
        stop_seconds=30.0,
        urls={"kafka": ports.address("kafka")},
    )
