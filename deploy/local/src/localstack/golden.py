"""Golden signals from a part's Prometheus endpoint: requests, errors, latency."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from localstack.errors import NotReadyError
from localstack.web import expect_ok

_FAULTS = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS"})
_SCRAPE_SECONDS = 3.0


@dataclass(frozen=True)
class Signals:
    """Counts since the part started; latencies in seconds, None when nothing was served.

    An error is a fault of the server; a refused caller is not.
    """

    requests: int
    errors: int
    p50_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True)
class Source:
    """Where a part keeps its signals.

    A counter with its error rule, or with a second counter of errors only; the buckets of a histogram, with its unit
    in seconds.
    """

    counter: str
    is_error: Callable[[Mapping[str, str]], bool]
    buckets: str
    unit: float = 1.0
    errors: str = ""


def _grpc_fault(labels: Mapping[str, str]) -> bool:
    return labels.get("code", "") in _FAULTS


def _http_fault(label: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda labels: labels.get(label, "").startswith("5")


def _counted_apart(_: Mapping[str, str]) -> bool:
    return False


SERVICE = Source("lumbung_grpc_calls_total", _grpc_fault, "lumbung_grpc_seconds_bucket")
SOURCES = {
    "ingest": SERVICE,
    "catalog": SERVICE,
    "compute": SERVICE,
    "inference": SERVICE,
    "ray": SERVICE,
    "portal": Source("lumbung_http_requests_total", _http_fault("status"), "lumbung_http_seconds_bucket"),
    "gateway": Source(
        "envoy_http_downstream_rq_xx",
        _http_fault("envoy_response_code_class"),
        "envoy_http_downstream_rq_time_bucket",
        unit=0.001,
    ),
    "seaweedfs": Source(
        "SeaweedFS_s3_request_total", _http_fault("code"), "SeaweedFS_s3_request_seconds_bucket"
    ),
    "minio": Source(
        "minio_api_requests_total",
        _counted_apart,
        "minio_api_requests_ttfb_seconds_distribution",
        errors="minio_api_requests_5xx_errors_total",
    ),
    "keycloak": Source(
        "http_server_requests_seconds_count", _http_fault("status"), "http_server_requests_seconds_bucket"
    ),
}


def read_signals(kind: str, url: str | None) -> Signals | None:
    """Scrape a part whose metrics are of a kind of SOURCES; None when it has no endpoint or does not answer."""
    source = SOURCES.get(kind)
    if source is None or url is None:
        return None
    try:
        return signals_from_text(expect_ok(url, seconds=_SCRAPE_SECONDS).text, source)
    except (NotReadyError, ValueError):
        return None


def signals_from_text(text: str, source: Source) -> Signals:
    """Signals from a scraped page; ValueError when it is not in Prometheus' format."""
    requests = errors = 0.0
    buckets: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if _about_admin(sample.labels):
                continue
            if _named(sample.name, source.counter):
                requests += sample.value
                errors += sample.value if source.is_error(sample.labels) else 0.0
            elif _named(sample.name, source.errors):
                errors += sample.value
            elif _named(sample.name, source.buckets):
                bound = float(sample.labels["le"])
                buckets[bound] = buckets.get(bound, 0.0) + sample.value
    ordered = sorted(buckets.items())
    return Signals(
        requests=int(requests),
        errors=int(errors),
        p50_seconds=_scaled(quantile(ordered, 0.5), source.unit),
        p99_seconds=_scaled(quantile(ordered, 0.99), source.unit),
    )


def quantile(buckets: Iterable[tuple[float, float]], share: float) -> float | None:
    """Value below which a share of the observations lies, from cumulative buckets (upper bound, count)."""
    ordered = list(buckets)
    if not ordered or ordered[-1][1] == 0:
        return None
    wanted = ordered[-1][1] * share
    lower_bound = lower_count = 0.0
    for bound, count in ordered:
        if count >= wanted:
            if bound == float("inf") or count == lower_count:
                return lower_bound
            return lower_bound + (bound - lower_bound) * (wanted - lower_count) / (count - lower_count)
        lower_bound, lower_count = bound, count
    return lower_bound


def _named(sample: str, wanted: str) -> bool:
    """Whether a sample is of this name; the parser gives a counter without the suffix its suffix."""
    return wanted != "" and sample.removesuffix("_total") == wanted.removesuffix("_total")


def _about_admin(labels: Mapping[str, str]) -> bool:
    """Envoy counts the questions to its own admin port too."""
    return labels.get("envoy_http_conn_manager_prefix") == "admin"


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value * unit
