"""Registers the protocol's methods on Serve's gRPC servers, with requests left as bytes.

A request is parsed only when its sender may call, so that a stranger's garbage is UNAUTHENTICATED like all else.
Methods that are not listed are answered UNIMPLEMENTED by the server itself.
"""

from typing import Any

import grpc

from lumbung.openinference import open_inference_pb2 as pb

__all__ = ["SERVICE", "register"]

SERVICE = "inference.GRPCInferenceService"


def register(servicer: Any, server: Any) -> None:
    """What `add_…Servicer_to_server` of the generated code does, without parsing."""
    descriptor = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    handlers: dict[str, Any] = {
        method.name: grpc.unary_unary_rpc_method_handler(getattr(servicer, method.name))
        for method in descriptor.methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)
