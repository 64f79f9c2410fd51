import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from pydantic import ValidationError

from gateway_service import GatewayConfigurationError, GatewaySettings, render
from gateway_service.protos import Method, ProtoSet, load_protos


def _manager(protos=None, **settings):
    document = yaml.safe_load(render(GatewaySettings(**settings), protos))
    (listener,) = document["static_resources"]["listeners"]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _routes(protos=None, **settings):
    return _manager(protos, **settings)["route_config"]["virtual_hosts"][0]["routes"]


def _filter(manager, name):
    return next(each["typed_config"] for each in manager["http_filters"] if each["name"] == name)


def _method(**changes):
    fields = {
        "service": "lumbung.catalog.v1.NewService",
        "name": "DoIt",
        "input_type": "lumbung.catalog.v1.GetDatasetRequest",
        "ruled": True,
        "roles": frozenset({"viewer"}),
        "internal": False,
        "anonymous": False,
        "client_streaming": False,
        "server_streaming": False,
        "bindings": (),
    }
    return Method(**(fields | changes))


def _with(method) -> ProtoSet:
    protos = load_protos()
    return replace(protos, methods=(*protos.methods, method))


def test_the_same_settings_give_the_same_text():
    assert render(GatewaySettings()) == render(GatewaySettings())


def test_routes_are_exactly_the_callable_methods():
    to_services = {
        route["match"]["path"]
        for route in _routes()
        if "path" in route["match"] and route["match"]["path"].count("/") == 2
    }
    callable_ = {method.path for method in load_protos().methods if method.routed}
    assert to_services == callable_ | {"/grpc.health.v1.Health/Check"}


@pytest.mark.parametrize("changes", [{"ruled": False}, {"internal": True}, {"roles": frozenset({"service"})}])
def test_a_method_without_rule_or_for_services_only_is_neither_routed_nor_allowed(changes):
    method = _method(**changes)
    manager = _manager(_with(method))
    assert method.path not in [
        route["match"].get("path") for route in manager["route_config"]["virtual_hosts"][0]["routes"]
    ]
    assert method.path not in str(_filter(manager, "lumbung.roles"))


def test_an_anonymous_method_needs_no_token_in_any_form():
    from gateway_service.protos import HttpBinding

    method = _method(anonymous=True, roles=frozenset(), bindings=(HttpBinding("GET", "/v1/news", ""),))
    manager = _manager(_with(method))
    rules = _filter(manager, "envoy.filters.http.jwt_authn")["rules"]
    assert {"match": {"path": method.path}} in rules
    assert rules[-1] == {"match": {"prefix": "/"}, "requires": {"provider_name": "keycloak"}}
    anybody = _filter(manager, "lumbung.roles")["rules"]["policies"]["anybody"]
    assert {"url_path": {"path": {"exact": method.path}}} in anybody["permissions"]


def test_streams_have_long_deadlines_and_unary_calls_short_ones():
    routes = {route["match"].get("path"): route.get("route") for route in _routes()}
    stream = routes["/lumbung.ingest.v1.UploadService/WriteUpload"]
    assert stream["max_stream_duration"]["max_stream_duration"] == "3600s"
    assert "retry_policy" not in stream
    unary = routes["/lumbung.catalog.v1.DatasetService/GetDataset"]
    assert unary["max_stream_duration"]["grpc_timeout_header_max"] == "30s"


def test_a_package_without_an_address_is_named():
    method = _method(service="lumbung.ledger.v1.LedgerService")
    with pytest.raises(GatewayConfigurationError, match="'ledger'"):
        render(GatewaySettings(), _with(method))


def test_settings_refuse_what_they_do_not_know():
    with pytest.raises(ValidationError, match="health_service"):
        GatewaySettings(health_service="nobody")
    with pytest.raises(ValidationError, match="portt"):
        GatewaySettings.model_validate({"listen": {"portt": 1}})


def test_without_a_collector_nothing_is_traced():
    assert "tracing" not in _manager()
    traced = _manager(telemetry={"otlp": {"target": "127.0.0.1:1"}, "sample_ratio": 0.25})["tracing"]
    own = traced["provider"]["typed_config"]["sampler"]["typed_config"]["wrapped_sampler"]
    assert own["typed_config"]["sampling_percentage"] == {"numerator": 250_000, "denominator": "MILLION"}


def test_the_command_writes_the_file(tmp_path):
    target = tmp_path / "envoy.yaml"
    subprocess.run([sys.executable, "-m", "gateway_service", "--output", str(target)], check=True)
    assert target.read_text() == render(GatewaySettings())
    assert [path.name for path in tmp_path.iterdir()] == ["envoy.yaml"]
