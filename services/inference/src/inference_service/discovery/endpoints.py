"""Replicas in the words of Envoy's endpoint discovery (EDS)."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from inference_service.domain.replica import ReplicaReport

__all__ = ["CLUSTERS", "discovery_response"]

TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
# Names of the gateway's clusters, and which address of a replica belongs to each.
CLUSTERS = {"serve_grpc": "grpc_address", "serve_http": "http_address"}


def discovery_response(names: Sequence[str], replicas: Sequence[ReplicaReport]) -> dict[str, Any]:
    """A DiscoveryResponse with the endpoints of the named clusters. The same replicas give the same version."""
    resources = [_assignment(name, replicas) for name in CLUSTERS if name in names]
    version = hashlib.sha256(json.dumps(resources).encode()).hexdigest()[:16]
    return {"version_info": version, "type_url": TYPE, "resources": resources}


def _assignment(name: str, replicas: Sequence[ReplicaReport]) -> dict[str, Any]:
    endpoints = [_endpoint(getattr(replica, CLUSTERS[name])) for replica in replicas]
    return {"@type": TYPE, "cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def _endpoint(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    place = {"address": host.strip("[]"), "port_value": int(port)}
    return {"endpoint": {"address": {"socket_address": place}}}
