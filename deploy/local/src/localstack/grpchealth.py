"""gRPC health, the readiness of everything that speaks gRPC."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from localstack.errors import NotReadyError


def expect_serving(target: str, *, token: str | None = None, seconds: float = 5.0) -> None:
    """Ask a server for its health; NotReadyError unless it answers SERVING."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            raise NotReadyError(f"{target}: {error.code().name} {error.details()}") from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise NotReadyError(f"{target} is not serving")
