"""Models on Ray Serve. Each order runs in a child process that ends with it, so a dead head never hangs the service."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from typing_extensions import override

from inference_service.domain.model import ModelVersion
from inference_service.errors import ServingUnavailableError
from inference_service.executor.port import ServingExecutor
from inference_service.replica.settings import write_replica_settings
from inference_service.settings import RaySettings
from servicekit.errors import Text
from servicekit.telemetry import get_logger

__all__ = ["RayServeExecutor", "serve_environment"]

_log = get_logger(__name__)

CONNECT_SECONDS = 2.0


def serve_environment(settings: RaySettings) -> dict[str, str]:
    """Environment that the head and whoever speaks with it have in common."""
    shared = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.token_path),
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Under `uv run` Ray would pack the working folder and start every worker through uv.
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }
    if settings.loopback:
        # Otherwise Ray takes the machine's outside address for its own.
        shared["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return shared


def _unavailable(en: str, indonesian: str) -> ServingUnavailableError:
    return ServingUnavailableError(
        Text(en=en, id=indonesian),
        Text(en="Try again in a moment.", id="Coba lagi sebentar."),
        retry_after_seconds=5.0,
    )


class RayServeExecutor(ServingExecutor):
    """One application with one deployment that answers for all models.

    DeployModelVersion and UndeployModel each order it anew with the models that should be served.
    """

    def __init__(self, settings: RaySettings, replica_settings: str, call_seconds: float) -> None:
        """`replica_settings` is the document that replicas read, secrets included; `call_seconds` the longest call."""
        self._settings = settings
        self._call_seconds = call_seconds
        self._replica_settings = replica_settings
        self._code_version = _fingerprint(replica_settings)
        self._ordered: int | None = None

    def write_replica_settings(self) -> None:
        """Puts the replicas' settings where those of this node read them."""
        write_replica_settings(self._settings.replica_settings_path, self._replica_settings)

    @override
    async def apply(self, versions: Sequence[ModelVersion]) -> None:
        await self._check_head()
        order = json.dumps(self._order(versions)).encode()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "inference_service.executor.driver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
        )
        try:
            answer, said = await asyncio.wait_for(process.communicate(order), self._settings.order_seconds)
        except TimeoutError:
            raise _unavailable(
                f"The serving cluster did not take the order within {self._settings.order_seconds:g} seconds.",
                f"Klaster penyajian tidak menerima perintah dalam {self._settings.order_seconds:g} detik.",
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode != 0:
            _log.error("order to Ray failed", tail=said.decode(errors="replace")[-2000:])
            raise _unavailable(
                "The serving cluster did not take the order.", "Klaster penyajian tidak menerima perintah."
            )
        taken = json.loads(answer.splitlines()[-1])
        self._ordered = taken["replicas"]
        _log.info("order to Ray taken", answer=taken)

    @override
    async def fits(self) -> bool:
        workers = self._settings.workers
        if workers is None or self._ordered is None:
            return True
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(workers, None, type=socket.SOCK_STREAM)
        except OSError:
            # A name without addresses: no worker is ready.
            found = []
        return self._ordered == 1 + len({entry[4][0] for entry in found})

    def _order(self, versions: Sequence[ModelVersion]) -> dict[str, Any]:
        settings = self._settings
        return {
            "address": settings.address,
            "settings_path": str(settings.replica_settings_path.absolute()),
            "code_version": self._code_version,
            "replicas": settings.replicas,
            "per_node": settings.workers is not None,
            "leave_seconds": settings.report.leave_seconds if settings.report else 0.0,
            "call_seconds": self._call_seconds,
            "models": [
                {
                    "model": version.ref.model,
                    "version": version.ref.version,
                    "object_key": version.object_key,
                    "sha256": version.sha256,
                    "size_bytes": version.size_bytes,
                }
                for version in versions
            ],
        }

    def _environment(self) -> dict[str, str]:
        # The service's own secrets stay out of the child's environment.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("LUMBUNG_", "RAY_"))
        }
        return kept | serve_environment(self._settings)

    async def _check_head(self) -> None:
        """Ray's library would try for half a minute where nobody listens."""
        host, _, port = self._settings.address.rpartition(":")
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise _unavailable(
                f"The serving cluster at {self._settings.address} does not answer.",
                f"Klaster penyajian di {self._settings.address} tidak menjawab.",
            ) from error
        writer.close()


def _sources(folder: Traversable) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _sources(entry)
        elif entry.name.endswith(".py"):
            found.append((entry.name, entry.read_bytes()))
    return found


def _fingerprint(replica_settings: str) -> str:
    """Changes exactly when a replica has to be started anew: with its code or its settings."""
    digest = hashlib.sha256(replica_settings.encode())
    for package in ("domain", "engine", "replica"):
        for name, content in _sources(files("inference_service") / package):
            digest.update(name.encode() + b"\0" + content)
    digest.update(str(Path(sys.executable)).encode())
    return digest.hexdigest()[:16]
