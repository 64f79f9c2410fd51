"""Other services, as ingest needs them."""

from ingest_service.clients.catalog import Catalog, CatalogServiceClient, Readable

__all__ = ["Catalog", "CatalogServiceClient", "Readable"]
