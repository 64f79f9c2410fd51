"""The parts behind the gateway: where they are and when they count as broken."""

import ipaddress
from urllib.parse import urlsplit

from gateway_service.settings import DiscoverySettings, GatewaySettings
from gateway_service.xds import Config, duration, typed
from servicekit.settings import PeerSettings

__all__ = ["SERVE_GRPC", "SERVE_HTTP", "clusters"]

SERVE_GRPC = "serve_grpc"
SERVE_HTTP = "serve_http"
PORTAL = "portal"
KEYCLOAK = "keycloak"
OTLP = "otlp"
DISCOVERY = "discovery"

_MIB = 1024 * 1024
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


# Where not even three of five replicas are well, all are asked: of two, the one that was ejected may be the only one that
# lives, and who asks a dead one is sent on at once.
_ONE_MAY_BE_LEFT: Config = {"common_lb_config": {"healthy_panic_threshold": {"value": 60}}}


def clusters(settings: GatewaySettings) -> list[Config]:
    """Every cluster of the bootstrap."""
    found = [
        _guarded(name, peer, http2=True) | {"health_checks": [_grpc_health()]}
        for name, peer in sorted(settings.services.items())
    ]
    found.append(_guarded(PORTAL, settings.portal, http2=False) | {"health_checks": [_http_health()]})
    predictions = settings.predictions
    for name, peer, http2 in (
        (SERVE_GRPC, predictions.grpc, True),
        (SERVE_HTTP, predictions.http, False),
    ):
        # Of a replica that is replaced, all that it has under way may have to be asked again at once.
        cluster = _guarded(name, peer, http2=http2, retries=256) | _ONE_MAY_BE_LEFT
        if predictions.discovery is not None:
            cluster = _discovered(cluster, predictions.discovery)
        found.append(cluster)
    if predictions.discovery is not None:
        found.append(_cluster(DISCOVERY, predictions.discovery.target))
    keys = urlsplit(settings.auth.jwks_url)
    port = keys.port or (443 if keys.scheme == "https" else 80)
    keycloak = _cluster(KEYCLOAK, f"{keys.hostname}:{port}")
    if keys.scheme == "https":
        keycloak["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                sni=keys.hostname,
                common_tls_context={
                    "validation_context": {"trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"}}
                },
            ),
        }
    found.append(keycloak)
    if settings.telemetry.otlp is not None:
        found.append(_cluster(OTLP, settings.telemetry.otlp.target) | _protocol(http2=True))
    return found


def _split(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def _assignment(name: str, target: str) -> Config:
    host, port = _split(target)
    endpoint = {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}


def _cluster(name: str, target: str) -> Config:
    host, _port = _split(target)
    try:
        ipaddress.ip_address(host)
        kind = "STATIC"
    except ValueError:
        kind = "STRICT_DNS"
    return {
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": _MIB,
        "load_assignment": _assignment(name, target),
    }


def _protocol(*, http2: bool) -> Config:
    window = {
        "initial_stream_window_size": _MIB,
        "initial_connection_window_size": 4 * _MIB,
        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
    }
    explicit = {"http2_protocol_options": window} if http2 else {"http_protocol_options": {}}
    options = typed("extensions.upstreams.http.v3.HttpProtocolOptions", explicit_http_config=explicit)
    return {"typed_extension_protocol_options": {_HTTP_OPTIONS: options}}


def _guarded(name: str, peer: PeerSettings, *, http2: bool, retries: int = 3) -> Config:
    """A cluster with limits on what may be under way and with ejection of failing hosts.

    `retries` is how many may always be under way; beyond that, a fifth of all requests.
    """
    limits = {
        "max_connections": 64 if http2 else 256,
        "max_requests": 2048,
        "max_pending_requests": 512,
        "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": retries},
    }
    return (
        _cluster(name, peer.target)
        | _protocol(http2=http2)
        | {
            "lb_policy": "LEAST_REQUEST",
            # A host that its name no longer gives takes no more calls, healthy or not.
            "ignore_health_on_host_removal": True,
            "circuit_breakers": {"thresholds": [limits]},
            "outlier_detection": {
                "consecutive_5xx": 10,
                "consecutive_gateway_failure": 5,
                "interval": "5s",
                "base_ejection_time": "5s",
                "max_ejection_percent": 50,
            },
        }
    )


def _discovered(cluster: Config, discovery: DiscoverySettings) -> Config:
    """With the endpoints that the inference service names (EDS, asked by REST). While it does not answer, the last hold."""
    kept = {key: value for key, value in cluster.items() if key != "load_assignment"}
    asked = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": [DISCOVERY],
        "refresh_delay": duration(discovery.refresh_seconds),
        "request_timeout": duration(discovery.timeout_seconds),
    }
    source = {
        "api_config_source": asked,
        "resource_api_version": "V3",
        # The gateway opens its port without replicas too: there is more behind it.
        "initial_fetch_timeout": "2s",
    }
    return kept | {"type": "EDS", "eds_cluster_config": {"eds_config": source}}


def _grpc_health() -> Config:
    return {
        "timeout": "1s",
        "interval": "5s",
        "no_traffic_interval": "5s",
        "unhealthy_edge_interval": "1s",
        "unhealthy_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "grpc_health_check": {},
    }


def _http_health() -> Config:
    return {key: value for key, value in _grpc_health().items() if key != "grpc_health_check"} | {
        "http_health_check": {"path": "/healthz"}
    }
