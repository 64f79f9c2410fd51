"""The ingest service as a process of its own, to be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from pydantic import SecretStr

__all__ = ["ingest_process", "write_settings"]


def write_settings(settings, path: Path) -> Path:
    """Writes settings to a file of this user's own, with the secrets in them."""
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(_shown(settings.model_dump(mode="python"))))
    return path


def _shown(value):
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _shown(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


@asynccontextmanager
async def ingest_process(settings_file: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service, from when it listens on `port`; killed at the end."""
    environment = os.environ | {"LUMBUNG_CONFIG": str(settings_file)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "ingest_service", env=environment)
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
