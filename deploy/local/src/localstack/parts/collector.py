"""The telemetry collector as a part."""

import sys

from localstack.environment import base_environment, stack_environment
from localstack.grpchealth import expect_serving
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.settings import StackSettings
from localstack.source import source_stamp
from localstack.web import expect_ok


def collector_part(settings: StackSettings) -> Part:
    """Receives spans, logs and metrics, and answers questions about traces."""
    layout = Layout(settings.data_dir)
    ports = settings.ports

    def launch() -> Launch:
        env = base_environment(layout) | stack_environment(settings)
        argv = (sys.executable, "-m", "localstack.telemetry")
        return Launch(argv, env, layout.root, stamp=source_stamp("localstack/telemetry"))

    def probe() -> None:
        expect_serving(ports.address("telemetry"))
        expect_ok(f"{ports.url('telemetry_http')}/healthz")

    return Part(
        name="telemetry",
        title="Telemetry store",
        launch=launch,
        probe=probe,
        ports=(ports["telemetry"], ports["telemetry_http"]),
        stop_seconds=5.0,
        urls={"traces": f"{ports.url('telemetry_http')}/traces"},
    )
