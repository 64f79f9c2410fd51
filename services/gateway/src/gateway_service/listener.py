"""The public port and what a request goes through on it."""

import base64

from gateway_service.access import header_rules, jwt_rules, role_rules, token_rules
from gateway_service.clusters import OTLP
from gateway_service.protos import ProtoSet
from gateway_service.replies import local_replies
from gateway_service.routes import (
    JSON_FILTER,
    ROLE_FILTER,
    SIZE_FILTER,
    TOKEN_FILTER,
    TRANSCODER,
    virtual_host,
)
from gateway_service.settings import GatewaySettings
from gateway_service.strictjson import strict_json_source
from gateway_service.xds import Config, duration, typed

__all__ = ["listener"]

_MIB = 1024 * 1024
_FILTERS = "extensions.filters.http"
# Only the platform itself may say these; what a caller sends under such a name is dropped.
_SPOOFABLE = r"(x-lumbung-|x-jwt-|x-envoy-|x-auth-|x-user-(id|name|role)|x-forwarded-(user|email|groups)|x-remote-user).*"


def listener(protos: ProtoSet, settings: GatewaySettings) -> Config:
    """The listener of the public port: h2c by prior knowledge and HTTP/1.1, or both in TLS."""
    chain: Config = {
        "filters": [
            {
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": _connection_manager(protos, settings),
            }
        ]
    }
    tls = settings.listen.tls
    if tls is not None:
        certificate = {
            "certificate_chain": {"filename": str(tls.certificate_file)},
            "private_key": {"filename": str(tls.private_key_file)},
        }
        common = {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificates": [certificate],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        }
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common
            ),
        }
    address = {"address": settings.listen.host, "port_value": settings.listen.port}
    return {
        "name": "public",
        "address": {"socket_address": address},
        "per_connection_buffer_limit_bytes": _MIB,
        "filter_chains": [chain],
    }


def _connection_manager(protos: ProtoSet, settings: GatewaySettings) -> Config:
    limits = settings.limits
    manager = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="public",
        codec_type="AUTO",
        server_name="lumbung",
        use_remote_address=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        max_request_headers_kb=limits.header_kib,
        request_headers_timeout="5s",
        stream_idle_timeout=duration(limits.stream_idle_seconds),
        common_http_protocol_options={
            "idle_timeout": "900s",
            "max_headers_count": 100,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        http_protocol_options={"accept_http_10": False},
        http2_protocol_options={
            "max_concurrent_streams": 1000,
            "initial_stream_window_size": _MIB,
            "initial_connection_window_size": 4 * _MIB,
            "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        },
        generate_request_id=True,
        early_header_mutation_extensions=[_sanitise()],
        access_log=[_access_log(settings.access_log.path)],
        local_reply_config=local_replies(),
        http_filters=_http_filters(protos, settings),
        route_config={"name": "platform", "virtual_hosts": [virtual_host(protos, settings)]},
    )
    if settings.telemetry.otlp is not None:
        manager["tracing"] = _tracing(settings)
    return manager


def _filter(name: str, config: Config) -> Config:
    return {"name": name, "typed_config": config}


def _http_filters(protos: ProtoSet, settings: GatewaySettings) -> list[Config]:
    limits = settings.limits
    return [
        _filter("envoy.filters.http.cors", typed(f"{_FILTERS}.cors.v3.Cors")),
        _filter("envoy.filters.http.grpc_web", typed(f"{_FILTERS}.grpc_web.v3.GrpcWeb")),
        _filter("envoy.filters.http.local_ratelimit", _rate_limit(settings)),
        _filter(
            SIZE_FILTER,
            typed(f"{_FILTERS}.body_size_limit.v3.BodySizeLimit", max_request_bytes=limits.request_bytes),
        ),
        _filter("lumbung.authorization", header_rules()),
        _filter("envoy.filters.http.jwt_authn", jwt_rules(protos, settings)),
        _filter(
            JSON_FILTER,
            typed(
                f"{_FILTERS}.lua.v3.Lua",
                source_codes={"strict_json": {"inline_string": strict_json_source(protos)}},
            ),
        ),
        _filter(TRANSCODER, _transcoder(protos, settings)),
        # After the transcoder, so that REST and gRPC are held to one rule.
        _filter(TOKEN_FILTER, token_rules(protos, settings)),
        _filter(ROLE_FILTER, role_rules(protos)),
        _filter(
            "envoy.filters.http.grpc_stats",
            typed(
                f"{_FILTERS}.grpc_stats.v3.FilterConfig", emit_filter_state=True, stats_for_all_methods=True
            ),
        ),
        _filter(
            "envoy.filters.http.router", typed(f"{_FILTERS}.router.v3.Router", suppress_envoy_headers=True)
        ),
    ]


def _rate_limit(settings: GatewaySettings) -> Config:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="public",
        token_bucket={
            "max_tokens": settings.limits.burst,
            "tokens_per_fill": max(1, settings.limits.requests_per_second // 10),
            "fill_interval": "0.1s",
        },
        filter_enabled=always,
        filter_enforced=always,
        rate_limited_as_resource_exhausted=True,
    )


def _transcoder(protos: ProtoSet, settings: GatewaySettings) -> Config:
    services = sorted({method.service for method in protos.methods if method.bindings and method.routed})
    return typed(
        f"{_FILTERS}.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor_bin=base64.b64encode(protos.descriptor_set).decode(),
        services=services,
        convert_grpc_status=True,
        print_options={"always_print_primitive_fields": True, "preserve_proto_field_names": True},
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        max_request_body_size=settings.limits.request_bytes,
    )


def _sanitise() -> Config:
    matcher = {"safe_regex": {"regex": _SPOOFABLE}}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(
            "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=[{"remove_on_match": {"key_matcher": matcher}}],
        ),
    }


def _tracing(settings: GatewaySettings) -> Config:
    samplers = "extensions.tracers.opentelemetry.samplers.v3"
    parts_of_million = round(1_000_000 * settings.telemetry.sample_ratio)
    own = {
        "name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        "typed_config": typed(
            f"{samplers}.TraceIdRatioBasedSamplerConfig",
            sampling_percentage={"numerator": parts_of_million, "denominator": "MILLION"},
        ),
    }
    follow = {
        "name": "envoy.tracers.opentelemetry.samplers.parent_based",
        "typed_config": typed(f"{samplers}.ParentBasedSamplerConfig", wrapped_sampler=own),
    }
    exporter = typed(
        "config.trace.v3.OpenTelemetryConfig",
        service_name="gateway",
        grpc_service={"envoy_grpc": {"cluster_name": OTLP}, "timeout": "1s"},
        sampler=follow,
    )
    return {
        # Envoy's own dice would overrule the caller's flag: let every request on to the sampler.
        "random_sampling": {"value": 100},
        "spawn_upstream_span": True,
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": exporter},
    }


def _access_log(path: str) -> Config:
    line = {
        "time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        # Without the query: it may hold what nobody wants in a log.
        "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "grpc_path": "%REQ_WITHOUT_QUERY(:PATH)%",
        "http_status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS(SNAKE_STRING)%",
        "flags": "%RESPONSE_FLAGS%",
        "detail": "%RESPONSE_CODE_DETAILS%",
        "milliseconds": "%DURATION%",
        "upstream_milliseconds": "%RESPONSE_DURATION%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "upstream": "%UPSTREAM_HOST%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "trace_id": "%TRACE_ID%",
        "sub": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:jwt:sub)%",
        "username": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:jwt:preferred_username)%",
        "azp": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:jwt:azp)%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            "extensions.access_loggers.file.v3.FileAccessLog",
            path=path,
            log_format={
                "json_format": line,
                "formatters": [
                    {
                        "name": "envoy.formatter.req_without_query",
                        "typed_config": typed("extensions.formatter.req_without_query.v3.ReqWithoutQuery"),
                    }
                ],
            },
        ),
    }
