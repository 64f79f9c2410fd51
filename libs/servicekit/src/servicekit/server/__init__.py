"""The gRPC server of a service: one interceptor around every call, health, reflection, graceful stop."""

from servicekit.server.audit import AuditRecord, AuditSink
from servicekit.server.channel import open_channel
from servicekit.server.interceptor import CallInterceptor
from servicekit.server.run import GrpcServer, run_service

__all__ = ["AuditRecord", "AuditSink", "CallInterceptor", "GrpcServer", "open_channel", "run_service"]
