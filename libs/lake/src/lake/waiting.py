"""Starting before the object store does."""

import time

import structlog

from lake.errors import StoreError
from lake.objectstore import ObjectStore

__all__ = ["wait_for_bucket"]

PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


def wait_for_bucket(objects: ObjectStore, seconds: float) -> None:
    """Creates the bucket unless it is there; a store that does not answer, or refuses the account, is waited for.

    Raises:
        StoreError: still so after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            objects.ensure_bucket()
        except StoreError as error:
            if time.monotonic() >= deadline:
                raise
            _log.warning("waiting for the object store", place=objects.address(""), cause=str(error))
            time.sleep(PAUSE_SECONDS)
        else:
            return
