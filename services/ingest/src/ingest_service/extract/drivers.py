"""Which driver speaks to which kind of server. A new one is an entry here and a `Database`."""

from collections.abc import Callable
from importlib import import_module

from ingest_service.extract.database import Access, Database
from ingest_service.extract.failures import refused

__all__ = ["open_database"]

# Loaded when first needed: a process speaks to one server.
_HOMES = {
    "postgresql": ("ingest_service.extract.postgres", "PostgresDatabase"),
    "mariadb": ("ingest_service.extract.mariadb", "MariadbDatabase"),
    "mysql": ("ingest_service.extract.mariadb", "MariadbDatabase"),
}


def open_database(access: Access, snapshot: str | None) -> Database:
    """A connection; ExtractError when there is no such driver here, or the server lets nobody in."""
    driver = access.sql.connection.driver
    if driver not in _HOMES:
        raise refused(f"there is no driver for {driver} here; there is one for {', '.join(_HOMES)}")
    module, name = _HOMES[driver]
    make: Callable[[Access, str | None], Database] = getattr(import_module(module), name)
    return make(access, snapshot)
