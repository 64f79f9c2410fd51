"""The golden signals of a server: how many calls, how many fail, how long they take, how many run."""

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["CALLS", "RUNNING", "SECONDS"]

CALLS = Counter("lumbung_grpc_calls", "Calls that ended", ["method", "code"])
RUNNING = Gauge("lumbung_grpc_running", "Calls that run now", ["method"], multiprocess_mode="livesum")
SECONDS = Histogram(
    "lumbung_grpc_seconds",
    "Time of a call in seconds",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
