"""What serving costs: predictions by a replica on Ray Serve against plain grpc.aio with ONNX Runtime.

Both sides run the same model on one thread. Ours also verifies the token, checks every tensor, makes a span and an audit
record; the plain side does none of that. They take turns, so that a busy machine hits both alike; CPU seconds come from
/proc of the replica and of the plain server. Medians of the rounds. Run with `python bench/inference.py`, under 60 s
when Ray starts in 20.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from inference_service.engine.session import OnnxSession
from lumbung.inference.v1 import model_service_pb2 as models_pb
from lumbung.inference.v1 import model_service_pb2_grpc as models_grpc
from lumbung.openinference import open_inference_pb2 as pb
from lumbung.openinference import open_inference_pb2_grpc as pb_grpc

from support.inference_stack import InferenceStack, run_inference_stack
from support.onnx_models import linear
from support.servers import free_ports, run_postgres, run_s3

GOAL = 2.0
TICKS = os.sysconf("SC_CLK_TCK")
ROWS = (1, 1000)
AT_ONCE = 16


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class _Plain(pb_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc] # generated code has no types
    def __init__(self, content: bytes) -> None:
        self._session = OnnxSession(content)

    async def ModelInfer(self, request: pb.ModelInferRequest, context: object) -> pb.ModelInferResponse:  # noqa: N802
        del context
        x = np.frombuffer(request.raw_input_contents[0], "<f4").reshape(request.inputs[0].shape)
        (y,) = self._session.run({"x": x})
        response = pb.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="y", datatype="FP32", shape=y.shape)
        response.raw_output_contents.append(y.tobytes())
        return response


async def serve_plain(port: int, path: str) -> None:
    """The other side: nothing but gRPC and the runtime."""
    server = grpc.aio.server()
    content = await asyncio.to_thread(Path(path).read_bytes)
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(_Plain(content), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def request_of(rows: int) -> pb.ModelInferRequest:
    """Ones in `rows` rows."""
    request = pb.ModelInferRequest(model_name="bench")
    request.inputs.add(name="x", datatype="FP32", shape=(rows, 3))
    request.raw_input_contents.append(np.ones((rows, 3), "<f4").tobytes())
    return request


async def calls(target: str, token: str, rows: int, count: int, at_once: int = AT_ONCE) -> list[float]:
    """Makes `count` calls, `at_once` under way; gives the seconds of each."""
    request = request_of(rows)
    metadata = (("authorization", f"Bearer {token}"),)
    took: list[float] = []
    async with grpc.aio.insecure_channel(target) as channel:
        call = pb_grpc.GRPCInferenceServiceStub(channel).ModelInfer

        async def worker(share: int) -> None:
            for _ in range(share):
                begun = time.perf_counter()
                await call(request, metadata=metadata, timeout=20, wait_for_ready=True)
                took.append(time.perf_counter() - begun)

        await worker(20)
        took.clear()
        await asyncio.gather(*(worker(count // at_once) for _ in range(at_once)))
    return took


def measure(ways: dict[str, tuple[str, int]], token: str, rounds: int, count: int) -> bool:
    """Prints the table; True when the goal is reached for every size."""
    reached = True
    print(f"{'rows':>6} {'way':<12}{'CPU ms a call':>14}{f'median ms ({AT_ONCE} at once)':>24}")
    for rows in ROWS:
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (target, pid) in ways.items():
                before = cpu_seconds(pid)
                took = asyncio.run(calls(target, token, rows, count))
                cpu[name].append(1000 * (cpu_seconds(pid) - before) / (count + 20))
                seconds[name].append(1000 * statistics.median(took))
        for name in ways:
            print(
                f"{rows:>6} {name:<12}{statistics.median(cpu[name]):>14.3f}{statistics.median(seconds[name]):>24.2f}"
            )
        ratio = statistics.median(cpu["Ray Serve"]) / statistics.median(cpu["plain"])
        reached &= ratio <= GOAL
        verdict = "reached" if ratio <= GOAL else "missed"
        print(f"{rows:>6} Ray Serve / plain: {ratio:.2f}; goal at most {GOAL:g}: {verdict}")
    return reached


def deploy(stack: InferenceStack, content: bytes) -> None:
    """Registers and deploys the model through the public API."""
    metadata = (("authorization", f"Bearer {stack.signin.token('ilmuwan-pusat', 'scientist')}"),)

    def parts() -> Iterator[Any]:
        head = models_pb.RegisterModelVersionRequest.Head(
            parent="models/bench", model_version=models_pb.ModelVersion(description="y = x * w + b")
        )
        yield models_pb.RegisterModelVersionRequest(head=head)
        yield models_pb.RegisterModelVersionRequest(data=content)

    with grpc.insecure_channel(stack.api) as channel:
        api = models_grpc.ModelServiceStub(channel)
        version = api.RegisterModelVersion(parts(), metadata=metadata)
        api.DeployModelVersion(models_pb.DeployModelVersionRequest(name=version.name), metadata=metadata)


@contextmanager
def plain_server(content: bytes) -> Iterator[tuple[str, int]]:
    """Target and process id of the plain side."""
    port = free_ports(1)[0]
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(content)
        file.flush()
        process = subprocess.Popen([sys.executable, __file__, "--plain", str(port), file.name])
        try:
            yield f"127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(10)


def main() -> None:
    """Starts both sides, measures, ends them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=800)
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        uvloop.run(serve_plain(int(options.plain[0]), options.plain[1]))
        return
    content = linear().SerializeToString()
    with (
        run_postgres() as postgres,
        run_s3() as s3,
        run_inference_stack(postgres, s3) as stack,
        plain_server(content) as plain,
    ):
        deploy(stack, content)
        ways = {"plain": plain, "Ray Serve": (stack.ingress, stack.replicas()[0])}
        measure(ways, stack.signin.token("ilmuwan-pusat", "viewer"), options.rounds, options.calls)


if __name__ == "__main__":
    main()
