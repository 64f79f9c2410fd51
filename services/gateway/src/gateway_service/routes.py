"""The route table: one exact route per callable method; what is not in it does not exist from outside."""

from typing import Any

from gateway_service.clusters import PORTAL, SERVE_GRPC, SERVE_HTTP
from gateway_service.errors import GatewayConfigurationError
from gateway_service.protos import Method, ProtoSet
from gateway_service.settings import GatewaySettings
from gateway_service.xds import Config, duration, typed

__all__ = ["HEALTH_PATH", "JSON_FILTER", "PORTAL_PREFIX", "PREDICTION_ROOT", "cluster_of", "virtual_host"]

HEALTH_PATH = "/grpc.health.v1.Health/Check"
PORTAL_PREFIX = "/portal/"
PORTAL_PAGES = ("/", "/favicon.ico")
JSON_PREFIX = "/v1/"
PREDICTION_ROOT = "/v2"
JSON_FILTER = "envoy.filters.http.lua"
ROLE_FILTER = "lumbung.roles"
TOKEN_FILTER = "lumbung.token"  # noqa: S105 (a filter's name)
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
SIZE_FILTER = "envoy.filters.http.body_size_limit"

_OPEN_INFERENCE = "inference"
_RETRY = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    # Not the host that has just refused.
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
        }
    ],
    # One that refuses has the fewest calls under way, so it would be chosen three times of four among two.
    "host_selection_retry_max_attempts": 20,
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
}
# A prediction changes nothing, so what a replica drops while it is replaced is asked again: its gRPC server cancels
# calls that come between its end and the news of it.
_PREDICTION_RETRY = _RETRY | {"retry_on": f"{_RETRY['retry_on']},reset,cancelled,unavailable"}


def cluster_of(service: str, settings: GatewaySettings) -> str:
    """The cluster that serves a service, by its package.

    Raises:
        GatewayConfigurationError: the settings have no address for the package.
    """
    package = service.rsplit(".", 1)[0]
    if package == _OPEN_INFERENCE:
        return SERVE_GRPC
    words = package.split(".")
    name = words[1] if len(words) > 1 else package
    if name not in settings.services:
        raise GatewayConfigurationError(
            f"{service} has no upstream: add an address for {name!r} to the setting `services`"
        )
    return name


def virtual_host(protos: ProtoSet, settings: GatewaySettings) -> Config:
    """The one virtual host."""
    routed = [_method_route(method, settings) for method in protos.methods if method.routed]
    closed = [_refuse({"prefix": f"/{service}/"}) for service in protos.services]
    return {
        "name": "platform",
        "domains": ["*"],
        "typed_per_filter_config": {
            "envoy.filters.http.cors": _cors(settings),
            JSON_FILTER: typed("extensions.filters.http.lua.v3.LuaPerRoute", disabled=True),
        },
        "routes": [
            *routed,
            _health_route(settings),
            *closed,
            _json_route(settings),
            _prediction_route({"path": PREDICTION_ROOT}, settings),
            _prediction_route({"prefix": f"{PREDICTION_ROOT}/"}, settings),
            *(_portal_route({"path": page}, settings) for page in PORTAL_PAGES),
            _portal_route({"prefix": PORTAL_PREFIX}, settings),
            _unknown({"prefix": "/"}),
        ],
    }


def _method_route(method: Method, settings: GatewaySettings) -> Config:
    limits = settings.limits
    cluster = cluster_of(method.service, settings)
    route: Config = {"cluster": cluster, "timeout": "0s"}
    if method.streaming:
        longest = duration(limits.stream_seconds)
        route |= {"idle_timeout": duration(limits.stream_idle_seconds)}
    else:
        seconds = limits.method_seconds.get(method.path.lstrip("/"), limits.unary_seconds)
        longest = duration(seconds)
        route |= {
            "idle_timeout": duration(seconds + 5),
            "retry_policy": _PREDICTION_RETRY if cluster == SERVE_GRPC else _RETRY,
        }
    # Not `timeout`: that one answers UNAVAILABLE, this one DEADLINE_EXCEEDED. The caller's own deadline holds below it.
    route["max_stream_duration"] = {"max_stream_duration": longest, "grpc_timeout_header_max": longest}
    found: Config = {"match": {"path": method.path}, "route": route}
    if method.client_streaming:
        # How much an upload may hold is for its service to say.
        found["typed_per_filter_config"] = _without(SIZE_FILTER)
    if cluster == SERVE_GRPC and settings.predictions.application:
        found["request_headers_to_add"] = [
            {
                "header": {"key": "application", "value": settings.predictions.application},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ]
    return found


def _health_route(settings: GatewaySettings) -> Config:
    route = {"cluster": settings.health_service, "timeout": "2s"}
    return {"match": {"path": HEALTH_PATH}, "route": route}


def _refuse(match: Config) -> Config:
    """No such method: refused by role before this answer is given."""
    return {"match": match, "direct_response": {"status": 404}}


def _unknown(match: Config) -> Config:
    """No such path, and nothing to hide: a signed-in caller hears 404 and not 403."""
    return _refuse(match) | {"typed_per_filter_config": _without(ROLE_FILTER)}


def _without(*filters: str) -> Config:
    off: Any = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    return dict.fromkeys(filters, off)


def _json_route(settings: GatewaySettings) -> Config:
    """REST before the transcoder makes a gRPC path of it, which has a route of its own.

    Nothing is ever sent to this route's cluster: the transcoder answers 404 to what it does not know. The
    cluster is named because browsers' preflight requests are only answered on a route that has one.
    """
    lua = typed("extensions.filters.http.lua.v3.LuaPerRoute", name="strict_json")
    return {
        "match": {"prefix": JSON_PREFIX},
        "route": {"cluster": settings.health_service},
        "typed_per_filter_config": {JSON_FILTER: lua},
        "request_body_buffer_limit": settings.limits.request_bytes,
    }


def _prediction_route(match: Config, settings: GatewaySettings) -> Config:
    seconds = settings.limits.unary_seconds
    return {
        "match": match,
        "route": {"cluster": SERVE_HTTP, "timeout": duration(seconds), "retry_policy": _PREDICTION_RETRY},
        "typed_per_filter_config": _without(TRANSCODER),
    }


def _portal_route(match: Config, settings: GatewaySettings) -> Config:
    """The portal keeps its own session, so its pages need no token here."""
    return {
        "match": match,
        "route": {"cluster": PORTAL, "timeout": duration(settings.limits.unary_seconds)},
        "typed_per_filter_config": _without(TRANSCODER, TOKEN_FILTER, ROLE_FILTER),
        "request_headers_to_remove": ["authorization"],
    }


def _cors(settings: GatewaySettings) -> Config:
    return typed(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in settings.allowed_origins],
        allow_methods="GET, POST, PATCH, DELETE, OPTIONS",
        allow_headers="authorization,content-type,accept-language,x-grpc-web,x-user-agent,grpc-timeout,traceparent",
        expose_headers="grpc-status,grpc-message,grpc-status-details-bin",
        max_age="600",
    )
