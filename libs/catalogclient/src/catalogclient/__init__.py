"""How the other services ask the catalog. Each call carries the service's own token and the running trace."""

from catalogclient.audit import CatalogAuditSink
from catalogclient.client import CatalogClient, DatasetInfo
from catalogclient.decisions import Decision

__all__ = ["CatalogAuditSink", "CatalogClient", "DatasetInfo", "Decision"]
