"""What the gateway costs: an authorised unary call through Envoy against the same call straight to the service.

The two ways take turns, so that a busy machine hits both alike. CPU seconds come from /proc of the Envoy process and of
the server process; the medians of the rounds are printed. Run with `python bench/gateway.py`, about 30 s.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import httpx

from gateway_service import GatewaySettings
from gateway_service.settings import AccessLogSettings, PublicListenSettings
from lumbung.annotations.v1 import access_pb2
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as pb_grpc
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.server import CallInterceptor, GrpcServer
from servicekit.settings import AuthSettings, ListenSettings, PeerSettings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.gateway import run_envoy, serve_documents
from support.servers import free_ports
from support.tokens import issue, jwks, new_key

GOAL_MS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class _Submissions(pb_grpc.SubmissionServiceServicer):  # type: ignore[misc] # generated code has no types
    async def GetSubmission(self, request: pb.GetSubmissionRequest, context: object) -> pb.Submission:  # noqa: N802
        del context
        return pb.Submission(name=request.name, submitter="kontributor-pusat")


async def serve(port: int, metrics_port: int, issuer: str) -> None:
    """The service behind the gateway, with everything that a real one has around its servicer."""
    rules = AccessRules.from_protos([pb], access_pb2.access)
    async with httpx.AsyncClient(trust_env=False) as http:
        verifier = TokenVerifier(AuthSettings(issuer=issuer, jwks_url=f"{issuer}/keys"), http)
        server = GrpcServer(
            ListenSettings(port=port, metrics_port=metrics_port), CallInterceptor(rules, verifier)
        )
        server.add(
            pb_grpc.add_SubmissionServiceServicer_to_server,
            _Submissions(),
            "lumbung.ingest.v1.SubmissionService",
        )
        await server.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def calls(target: str, token: str, count: int, at_once: int) -> list[float]:
    """Makes `count` calls, `at_once` under way; gives the seconds of each."""
    request = pb.GetSubmissionRequest(name="submissions/a")
    metadata = (("authorization", f"Bearer {token}"),)
    took: list[float] = []
    async with grpc.aio.insecure_channel(target) as channel:
        call = pb_grpc.SubmissionServiceStub(channel).GetSubmission

        async def worker(share: int) -> None:
            for _ in range(share):
                begun = time.perf_counter()
                await call(request, metadata=metadata, timeout=10)
                took.append(time.perf_counter() - begun)

        await worker(20)
        took.clear()
        await asyncio.gather(*(worker(count // at_once) for _ in range(at_once)))
    return took


def measure(ways: dict[str, str], pids: Sequence[int], token: str, rounds: int, count: int) -> None:
    """Prints the table; the gateway's share is what Envoy used."""
    cpu: dict[str, list[list[float]]] = {name: [] for name in ways}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, target in ways.items():
            before = [cpu_seconds(pid) for pid in pids]
            took = asyncio.run(calls(target, token, count, 8))
            after = [cpu_seconds(pid) for pid in pids]
            cpu[name].append([1000 * (b - a) / count for a, b in zip(before, after, strict=True)])
            seconds[name].append(1000 * statistics.median(took))
    print(f"{'way':<10}{'envoy CPU ms':>14}{'service CPU ms':>16}{'median ms (8 at once)':>24}")
    for name in ways:
        envoy, service = (statistics.median(each[i] for each in cpu[name]) for i in (0, 1))
        print(f"{name:<10}{envoy:>14.3f}{service:>16.3f}{statistics.median(seconds[name]):>24.2f}")
    sums = {name: statistics.median(sum(each) for each in cpu[name]) for name in ways}
    added = sums["gateway"] - sums["direct"]
    verdict = "reached" if added <= GOAL_MS else "missed"
    print(f"added by the gateway: {added:.3f} ms CPU per call; goal {GOAL_MS} ms: {verdict}")


def wait_until_ready(service: subprocess.Popen[str]) -> None:
    """Reads the server's output up to the line that says so."""
    for line in service.stdout or ():
        if line == "ready\n":
            return
    raise SystemExit("the server did not start")


def main() -> None:
    """Starts everything, measures, ends everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=1600)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(int(options.serve[0]), int(options.serve[1]), options.serve[2]))
        return
    key = new_key()
    ports = free_ports(4)
    with tempfile.TemporaryDirectory() as name, serve_documents({"/keys": jwks(key)}) as issuer:
        folder = Path(name)
        command = [sys.executable, __file__, "--serve", str(ports[0]), str(ports[1]), issuer]
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            wait_until_ready(service)
            settings = GatewaySettings(
                listen=PublicListenSettings(port=ports[2], admin_port=ports[3]),
                auth=AuthSettings(issuer=issuer, jwks_url=f"{issuer}/keys"),
                services=dict.fromkeys(
                    ("ingest", "catalog", "compute", "inference"),
                    PeerSettings(target=f"127.0.0.1:{ports[0]}"),
                ),
                access_log=AccessLogSettings(path=str(folder / "access.log")),
            )
            with run_envoy(settings, folder) as gateway:
                ways = {"direct": f"127.0.0.1:{ports[0]}", "gateway": gateway.target}
                token = issue(key, issuer)
                measure(ways, (gateway.pid, service.pid), token, options.rounds, options.calls)
        finally:
            service.terminate()
            service.wait(10)


if __name__ == "__main__":
    main()
