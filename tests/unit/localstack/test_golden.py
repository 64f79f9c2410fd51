import pytest

from localstack.golden import SERVICE, SOURCES, quantile, signals_from_text

SERVICE_PAGE = """\
# TYPE lumbung_grpc_calls counter
lumbung_grpc_calls_total{method="A",code="OK"} 90
lumbung_grpc_calls_total{method="B",code="PERMISSION_DENIED"} 8
lumbung_grpc_calls_total{method="B",code="INTERNAL"} 2
# TYPE lumbung_grpc_seconds histogram
lumbung_grpc_seconds_bucket{method="A",le="0.01"} 50
lumbung_grpc_seconds_bucket{method="A",le="0.1"} 90
lumbung_grpc_seconds_bucket{method="A",le="+Inf"} 90
lumbung_grpc_seconds_bucket{method="B",le="0.01"} 0
lumbung_grpc_seconds_bucket{method="B",le="0.1"} 10
lumbung_grpc_seconds_bucket{method="B",le="+Inf"} 10
"""
ENVOY_PAGE = """\
# TYPE envoy_http_downstream_rq_xx counter
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="public"} 7
envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="public"} 1
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="admin"} 100
# TYPE envoy_http_downstream_rq_time histogram
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="public",le="5"} 8
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="public",le="+Inf"} 8
"""
MINIO_PAGE = """\
# TYPE minio_api_requests_total counter
minio_api_requests_total{name="PutObject",type="s3"} 9
minio_api_requests_total{name="GetObject",type="s3"} 1
# TYPE minio_api_requests_5xx_errors_total counter
minio_api_requests_5xx_errors_total{name="PutObject",type="s3"} 2
# TYPE minio_api_requests_ttfb_seconds_distribution counter
minio_api_requests_ttfb_seconds_distribution{le="0.050",name="PutObject",type="s3"} 9
minio_api_requests_ttfb_seconds_distribution{le="0.100",name="PutObject",type="s3"} 10
minio_api_requests_ttfb_seconds_distribution{le="+Inf",name="PutObject",type="s3"} 10
"""


def test_a_refused_caller_is_no_error_of_the_server() -> None:
    signals = signals_from_text(SERVICE_PAGE, SERVICE)
    assert (signals.requests, signals.errors) == (100, 2)
    assert signals.p50_seconds == pytest.approx(0.01)
    assert signals.p99_seconds == pytest.approx(0.01 + 0.09 * 49 / 50)


def test_envoy_counts_milliseconds_and_its_own_admin_port() -> None:
    signals = signals_from_text(ENVOY_PAGE, SOURCES["gateway"])
    assert (signals.requests, signals.errors) == (8, 1)
    assert signals.p99_seconds == pytest.approx(0.00495)


def test_minio_counts_its_errors_apart() -> None:
    signals = signals_from_text(MINIO_PAGE, SOURCES["minio"])
    assert (signals.requests, signals.errors) == (10, 2)
    assert signals.p99_seconds == pytest.approx(0.095)


def test_a_page_without_calls_has_no_latency() -> None:
    signals = signals_from_text("", SERVICE)
    assert (signals.requests, signals.errors, signals.p50_seconds, signals.p99_seconds) == (0, 0, None, None)


def test_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert quantile([(1.0, 1.0), (float("inf"), 100.0)], 0.99) == 1.0
