"""A replica, as far as others have to find it."""

import ipaddress
from dataclasses import dataclass
from enum import Enum

__all__ = ["ReplicaReport", "ReplicaState", "is_address"]

MAX_ID = 100


class ReplicaState(Enum):
    """Whether a replica takes calls."""

    SERVING = "serving"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """What a replica says of itself: its id, `host:port` of its two servers, and whether it takes calls."""

    replica: str
    grpc_address: str
    http_address: str
    state: ReplicaState


def is_address(text: str) -> bool:
    """Whether a text is `host:port` with an IP address: Envoy resolves no names in what it is told."""
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
        return 0 < int(port) < 2**16
    except ValueError:
        return False
