"""S3 from MinIO, built from its Go module: one process, one port, no console."""

from pathlib import Path

from localstack.environment import base_environment
from localstack.lakebucket import ACCESS_KEY, REGION
from localstack.layout import Layout
from localstack.part import Launch
from localstack.settings import StackSettings
from localstack.vault import Vault
from platformsetup import minioserver

PORTS = ("s3",)
METRICS_PATH = "/minio/metrics/v3/api/requests"


def minio_launch(settings: StackSettings, data: Path) -> Launch:
    """Build the program if needed (minutes, once per user) and say how to run it with its data in `data`."""
    layout = Layout(settings.data_dir)
    program = minioserver.built_program(settings.cache_dir)
    argv = minioserver.arguments(program, data, settings.ports.address("s3"))
    env = base_environment(layout) | minioserver.environment(
        ACCESS_KEY, Vault(layout.secrets).read("s3-secret-key")
    )
    # No certificate of the user in ~/.minio may change what was started.
    env |= {"HOME": str(layout.tmp), "MINIO_SITE_REGION": REGION}
    return Launch(tuple(argv), env, layout.run)
