"""Puts the parts together into the bootstrap that Envoy starts with."""

from typing import Any

import yaml

from gateway_service.clusters import clusters
from gateway_service.listener import listener
from gateway_service.protos import ProtoSet, load_protos
from gateway_service.settings import GatewaySettings
from gateway_service.status import status_cluster, status_listener
from gateway_service.xds import Config, typed

__all__ = ["render"]


class _Plain(yaml.SafeDumper):
    """YAML without anchors, so that a reader sees each value where it holds."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always: repeat the value."""
        del data
        return True


def render(settings: GatewaySettings, protos: ProtoSet | None = None) -> str:
    """The bootstrap as YAML. The same settings and protos give the same text.

    Raises:
        GatewayConfigurationError: a service of the protos has no address.
    """
    protos = protos or load_protos()
    admin = {"address": settings.listen.admin_host, "port_value": settings.listen.admin_port}
    listeners, behind = [listener(protos, settings)], clusters(settings)
    if settings.listen.status_port is not None:
        listeners.append(status_listener(settings, settings.listen.status_port))
        behind.append(status_cluster(settings))
    bootstrap = {
        "node": {"id": f"gateway-{settings.environment}", "cluster": "gateway"},
        "admin": {"address": {"socket_address": admin}},
        "overload_manager": _overload(settings),
        "static_resources": {"listeners": listeners, "clusters": behind},
    }
    text = yaml.dump(bootstrap, Dumper=_Plain, sort_keys=False, width=10**9, allow_unicode=True)
    return (
        f"# Generated from the protos and the settings by `python -m gateway_service`. Do not edit.\n{text}"
    )


def _overload(settings: GatewaySettings) -> Config:
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": heap,
                "typed_config": typed(
                    "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                    max_heap_size_bytes=settings.limits.heap_bytes,
                ),
            },
            {
                "name": connections,
                "typed_config": typed(
                    "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=settings.limits.connections,
                ),
            },
        ],
        "actions": [
            {
                "name": f"envoy.overload_actions.{action}",
                "triggers": [{"name": heap, "threshold": {"value": value}}],
            }
            for action, value in (("shrink_heap", 0.9), ("stop_accepting_requests", 0.95))
        ],
    }
