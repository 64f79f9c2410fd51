"""The gRPC classes: convert, call, convert."""

from catalog_service.servicer.audit import AuditServicer
from catalog_service.servicer.audit_sink import LogAuditSink
from catalog_service.servicer.datasets import DatasetServicer
from catalog_service.servicer.glossary import GlossaryServicer
from catalog_service.servicer.lineage import LineageServicer
from catalog_service.servicer.policies import PolicyServicer
from catalog_service.servicer.search import SearchServicer

__all__ = [
    "AuditServicer",
    "DatasetServicer",
    "GlossaryServicer",
    "LineageServicer",
    "LogAuditSink",
    "PolicyServicer",
    "SearchServicer",
]
