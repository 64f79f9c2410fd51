"""The settings of a consumer, and what its errors mean."""

import ssl
from typing import Any

from confluent_kafka import KafkaError

from ingest_service.extract.failures import ExtractError, away, credentials, refused, untrusted
from ingest_service.extract.topics.job import TopicJob

__all__ = ["client_settings", "consumer_settings", "raised"]

_NOT_LET_IN = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - the library's name for it
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
}
_QUEUED_KILOBYTES = 65_536


def client_settings(job: TopicJob, password: str | None) -> dict[str, Any]:
    """How to reach the broker."""
    kafka = job.kafka
    settings: dict[str, Any] = {
        "bootstrap.servers": f"{kafka.bootstrap.host}:{kafka.bootstrap.port}",
        "client.id": f"lumbung-{job.client}",
        "security.protocol": ("SASL_" if kafka.account else "")
        + ("SSL" if kafka.tls == "verify" else "PLAINTEXT"),
        "socket.connection.setup.timeout.ms": job.connect_seconds * 1000,
        "reconnect.backoff.max.ms": 2000,
        "allow.auto.create.topics": False,
        "log_level": 2,
    }
    if kafka.tls == "verify":
        settings["ssl.ca.location"] = job.ca_file or ssl.get_default_verify_paths().cafile
    if kafka.account is not None:
        settings |= {
            "sasl.mechanism": kafka.account.mechanism,
            "sasl.username": kafka.account.user,
            "sasl.password": password or "",
        }
    return settings


def consumer_settings(job: TopicJob, password: str | None) -> dict[str, Any]:
    """A consumer whose offsets are ours: no group's are read, none are written. Aborted messages are never seen."""
    return client_settings(job, password) | {
        "group.id": f"lumbung-{job.client}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # An offset that is not there any more is never passed over in silence.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "check.crcs": True,
        "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
        "fetch.wait.max.ms": 100,
    }


def raised(error: KafkaError) -> ExtractError:
    """What an error of the client means to people."""
    said = f"{error.name()}: {error.str()}"
    if error.code() in _NOT_LET_IN:
        return credentials("this account", said)
    if error.code() == KafkaError._SSL:  # noqa: SLF001 - as above
        return untrusted(said)
    if error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001 - as above
        return away(f"there is no such topic ({said})")
    if error.fatal():
        return refused(said)
    return away(said)
