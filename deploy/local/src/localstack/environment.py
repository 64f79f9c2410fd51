"""Environment variables of what the stack starts."""

import os

from localstack.layout import Layout
from localstack.settings import StackSettings


def base_environment(layout: Layout) -> dict[str, str]:
    """Environment of every part: nothing of the caller's but where programs and the home folder are."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "USER") if name in os.environ}
    return env | {
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(layout.tmp),
        "PYTHONUNBUFFERED": "1",
        # gRPC's fork handlers crash children that are started while calls run.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        # Fewer malloc arenas: threads of small services otherwise hold tens of MiB each.
        "MALLOC_ARENA_MAX": "2",
    }


def stack_environment(settings: StackSettings) -> dict[str, str]:
    """Variables that make a child process find the same stack."""
    env = {
        "LUMBUNG_BASE_PORT": str(settings.base_port),
        "LUMBUNG_DATA_DIR": str(settings.data_dir),
        "LUMBUNG_CACHE_DIR": str(settings.cache_dir),
        "LUMBUNG_S3_PROGRAM": settings.s3_program,
        "LUMBUNG_WITH": ",".join(settings.with_parts),
    }
    if settings.keycloak_archive is not None:
        env["LUMBUNG_KEYCLOAK_ARCHIVE"] = str(settings.keycloak_archive)
    return env
