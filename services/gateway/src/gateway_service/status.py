"""A second port for probes and scrapers: two pages of the administration port, which itself stays on loopback.

That port could also stop Envoy and show its configuration; nothing but `GET /ready` and `GET /metrics` is let through.
"""

from gateway_service.settings import GatewaySettings
from gateway_service.xds import Config, typed

__all__ = ["status_cluster", "status_listener"]

ADMIN = "admin"
_PAGES = {"/ready": "/ready", "/metrics": "/stats/prometheus?usedonly"}


def status_cluster(settings: GatewaySettings) -> Config:
    """The administration port as a cluster."""
    listen = settings.listen
    address = {"socket_address": {"address": listen.admin_host, "port_value": listen.admin_port}}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    return {
        "name": ADMIN,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": ADMIN, "endpoints": [endpoint]},
    }


def status_listener(settings: GatewaySettings, port: int) -> Config:
    """The listener on `port` of the public address."""
    get = {"name": ":method", "string_match": {"exact": "GET"}}
    routes: list[Config] = [
        {
            "match": {"path": page, "headers": [get]},
            "route": {"cluster": ADMIN, "timeout": "10s", "regex_rewrite": _to(behind)},
        }
        for page, behind in _PAGES.items()
    ]
    routes.append({"match": {"prefix": "/"}, "direct_response": {"status": 404}})
    manager = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="status",
        codec_type="HTTP1",
        normalize_path=True,
        request_headers_timeout="5s",
        stream_idle_timeout="15s",
        http_filters=[
            {
                "name": "envoy.filters.http.router",
                "typed_config": typed("extensions.filters.http.router.v3.Router"),
            }
        ],
        route_config={
            "name": "status",
            "virtual_hosts": [{"name": "status", "domains": ["*"], "routes": routes}],
        },
    )
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "name": "status",
        "address": {"socket_address": {"address": settings.listen.host, "port_value": port}},
        "filter_chains": [chain],
    }


def _to(path: str) -> Config:
    """Replaces path and query: what a caller adds to the query is not passed on."""
    return {"pattern": {"regex": "^.*$"}, "substitution": path}
