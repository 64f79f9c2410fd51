"""The lake's section of settings files, for services and for Dask workers."""

from typing import Any

from localstack.lakebucket import ACCESS_KEY, BUCKET, REGION
from localstack.layout import Layout
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault


def lake_settings(settings: StackSettings) -> dict[str, Any]:
    """The section `lake`, without its secrets."""
    return {"postgres": postgres_settings("lumbung_lake", settings), "s3": s3_settings(settings)}


def s3_settings(settings: StackSettings) -> dict[str, Any]:
    """The section `s3`, without its secret."""
    endpoint = settings.ports.address("s3")
    return {"endpoint": endpoint, "region": REGION, "access_key": ACCESS_KEY, "bucket": BUCKET}


def lake_secrets(settings: StackSettings) -> dict[str, str]:
    """Environment variables with the lake's secrets."""
    vault = Vault(Layout(settings.data_dir).secrets)
    password = vault.table("databases")["lumbung_lake"]
    return {"LUMBUNG_LAKE__POSTGRES__PASSWORD": password, **bucket_secrets(settings)}


def bucket_secrets(settings: StackSettings) -> dict[str, str]:
    """Environment variable with the bucket's secret."""
    vault = Vault(Layout(settings.data_dir).secrets)
    return {"LUMBUNG_LAKE__S3__SECRET_KEY": vault.read("s3-secret-key")}


def postgres_settings(name: str, settings: StackSettings) -> dict[str, Any]:
    """A `postgres` section; database and role share their name."""
    return {"host": HOST, "port": settings.ports["postgres"], "database": name, "user": name}
