"""PostgreSQL: one pool per process, and numbered migrations."""

from servicekit.postgres.migrations import migrate
from servicekit.postgres.pool import connection_info, open_pool, outages, unavailable

__all__ = ["connection_info", "migrate", "open_pool", "outages", "unavailable"]
