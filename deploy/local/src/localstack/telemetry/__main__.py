"""`python -m localstack.telemetry`: the collector process."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from localstack.layout import Layout
from localstack.settings import load_settings
from localstack.telemetry.receiver import LogReceiver, MetricReceiver, TraceReceiver
from localstack.telemetry.store import TelemetryStore
from localstack.telemetry.web import serve_traces
from localstack.vault import Vault

_LIMIT_BYTES = 200 * 2**20
_MESSAGE_BYTES = 16 * 2**20
_SHRINK_EVERY_SECONDS = 60.0


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings()
    layout = Layout(settings.data_dir)
    store = TelemetryStore(layout.data / "telemetry.sqlite", limit_bytes=_LIMIT_BYTES)
    server = grpc.server(
        ThreadPoolExecutor(4),
        options=[("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.so_reuseport", 0)],
    )
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(TraceReceiver(store), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(LogReceiver(store), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(MetricReceiver(store), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(settings.ports.address("telemetry"))
    web = serve_traces(
        store, layout.logs, Vault(layout.secrets).read("telemetry-token"), settings.ports["telemetry_http"]
    )
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server.start()
    finish = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: finish.set())
    signal.signal(signal.SIGINT, lambda *_: finish.set())
    while not finish.wait(_SHRINK_EVERY_SECONDS):
        store.shrink()
    server.stop(2.0).wait()
    web.shutdown()
    store.close()


if __name__ == "__main__":
    main()
