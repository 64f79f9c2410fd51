"""The lake's bucket, and whether its store can be trusted with the tables."""

from lake import S3ObjectStore, S3Settings
from lake.errors import ObjectNotFoundError, StoreError, StoreNotConditionalError
from platformsetup.errors import NotReadyError, SetupError

__all__ = ["examine_bucket", "prepare_bucket"]


def prepare_bucket(settings: S3Settings) -> None:
    """Creates the bucket unless it is there, and races conditional puts in it.

    Raises SetupError when more than one of the racing puts wins (two writers of one table would lose rows),
    NotReadyError when the store does not answer or refuses the account.
    """
    store = S3ObjectStore(settings)
    try:
        store.ensure_bucket()
        store.self_test()
    except StoreNotConditionalError as error:
        raise SetupError(error.sentence("en")) from error
    except StoreError as error:
        raise NotReadyError(str(error)) from error


def examine_bucket(settings: S3Settings) -> None:
    """Lists the bucket, and writes nothing; NotReadyError when it is not there, or the store refuses or is silent."""
    try:
        next(S3ObjectStore(settings).walk(), None)
    except (ObjectNotFoundError, StoreError) as error:
        raise NotReadyError(str(error)) from error
