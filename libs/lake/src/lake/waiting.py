"""Starting before the object store does."""

import structlog

from lake.errors import StoreError
from lake.objectstore import ObjectStore
from servicekit.waiting import attempt_until

__all__ = ["wait_for_bucket"]

PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


def wait_for_bucket(objects: ObjectStore, seconds: float) -> None:
    """Creates the bucket unless it is there; a store that does not answer, or refuses the account, is waited for.

    Raises:
        StoreError: still so after `seconds`.
    """

    def waiting(error: StoreError) -> None:
        _log.warning("waiting for the object store", place=objects.address(""), cause=str(error))

    attempt_until(
        objects.ensure_bucket, failure=StoreError, seconds=seconds, pause=PAUSE_SECONDS, waiting=waiting
    )
