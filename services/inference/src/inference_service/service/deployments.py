"""Use cases of serving: deploy, undeploy, list, and the loop that mends what broke."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from inference_service.clients.ports import PredictionProbe
from inference_service.domain.model import Deployment, ModelVersion
from inference_service.domain.names import ModelRef, VersionRef
from inference_service.errors import (
    DeployFailedError,
    DeployTimeoutError,
    ModelNotServedError,
    ServingUnavailableError,
)
from inference_service.executor.port import ServingExecutor
from inference_service.storage.store import RegistryStore
from servicekit.auth import Principal
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import get_logger

__all__ = ["DeploymentService", "ServedDeployment"]

_log = get_logger(__name__)

PROBE_SECONDS = 0.25
ORDER_PAUSE_SECONDS = 1.0
PATIENCE = 2
SETTLE_SECONDS = 20.0
MAX_PAUSE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class ServedDeployment:
    """A deployment, and whether it answers now."""

    deployment: Deployment
    ready: bool


class DeploymentService:
    """What should be served is in the store; one order at a time brings the executor there."""

    def __init__(
        self, store: RegistryStore, executor: ServingExecutor, probe: PredictionProbe, deploy_seconds: float
    ) -> None:
        self._store = store
        self._executor = executor
        self._probe = probe
        self._deploy_seconds = deploy_seconds
        self._order = asyncio.Lock()

    async def deploy_model_version(self, principal: Principal, ref: VersionRef) -> ServedDeployment:
        """Serves a version; returns when it answers predictions.

        Raises:
            VersionNotFoundError: there is no such version.
            DeployFailedError, DeployTimeoutError, ServingUnavailableError: it does not answer; what was served
                before is served again.
        """
        await self._store.get_model_version(ref)
        deployment = Deployment(ref, principal.username, datetime.now(UTC))
        async with self._turn():
            before = await self._store.set_deployment(deployment)
            try:
                async with asyncio.timeout(self._deploy_seconds):
                    await self._apply_patiently()
                    await self._wait(ref)
            except TimeoutError:
                await self._restore(ref.model, before)
                raise self._timed_out(ref) from None
            except (LumbungError, asyncio.CancelledError):
                await asyncio.shield(self._restore(ref.model, before))
                raise
        return ServedDeployment(deployment, ready=True)

    async def undeploy_model(self, model: ModelRef) -> None:
        """Stops serving a model.

        Raises:
            ModelNotServedError: it is not served.
        """
        async with self._turn():
            before = await self._store.delete_deployment(model.model)
            if before is None:
                raise ModelNotServedError(
                    Text(en=f"{model} is not served.", id=f"{model} tidak sedang dilayani."),
                    Text(en="See ListDeployments.", id="Lihat ListDeployments."),
                )
            await self._apply()
            await self._until(lambda: self._is_gone(model.model))

    async def list_deployments(self) -> list[ServedDeployment]:
        """Everything that should be served, by the model's name, and whether it is."""
        deployments = await self._store.list_deployments()
        ready = await asyncio.gather(*(self._probe.ready(deployment.ref) for deployment in deployments))
        return [ServedDeployment(*pair) for pair in zip(deployments, ready, strict=True)]

    async def deployed_refs(self) -> set[VersionRef]:
        """The versions that should be served."""
        return {deployment.ref for deployment in await self._store.list_deployments()}

    async def reconcile_forever(self, every_seconds: float) -> None:
        """Looks every few seconds whether all that should be served answers, and mends it after two misses.

        A replica that died is restarted by the cluster itself; the second look leaves it the time for that.
        The first order is given in any case: replicas may still run with the code or settings of an earlier service.
        """
        misses = 0
        ordered = False
        pause = every_seconds
        while True:
            try:
                misses = 0 if await self._whole() and await self._executor.fits() else misses + 1
                if misses >= PATIENCE or not ordered:
                    async with self._order:
                        await self._apply()
                    misses, ordered = 0, True
                    await self._until(self._whole, SETTLE_SECONDS)
                pause = every_seconds
            except LumbungError as error:
                _log.warning("serving is not as it should be", cause=error.message.en)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 (the loop outlives a lost database connection)
                _log.error("reconciling failed", exc_info=error)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One order at a time; who waits too long is told so."""
        try:
            await asyncio.wait_for(self._order.acquire(), self._deploy_seconds)
        except TimeoutError:
            raise ServingUnavailableError(
                Text(
                    en="Another order to the serving cluster is still running.",
                    id="Perintah lain ke klaster penyajian masih berjalan.",
                ),
                Text(en="Try again in a moment.", id="Coba lagi sebentar."),
                retry_after_seconds=10.0,
            ) from None
        try:
            yield
        finally:
            self._order.release()

    async def _whole(self) -> bool:
        if not await self._probe.alive():
            return False
        refs = sorted(await self.deployed_refs())
        ready = await asyncio.gather(*(self._probe.ready(ref) for ref in refs))
        return all(ready)

    async def _apply(self) -> None:
        versions: list[ModelVersion] = [
            await self._store.get_model_version(deployment.ref)
            for deployment in await self._store.list_deployments()
        ]
        await self._executor.apply(versions)

    async def _apply_patiently(self) -> None:
        """A cluster that is just starting takes no orders yet: tries until the time of a deploy is over."""
        deadline = time.monotonic() + self._deploy_seconds
        while True:
            try:
                return await self._apply()
            except ServingUnavailableError:
                if time.monotonic() + ORDER_PAUSE_SECONDS > deadline:
                    raise
            await asyncio.sleep(ORDER_PAUSE_SECONDS)

    async def _restore(self, model: str, before: Deployment | None) -> None:
        if before is None:
            await self._store.delete_deployment(model)
        else:
            await self._store.set_deployment(before)
        try:
            await self._apply()
        except LumbungError as error:
            _log.warning("what was served before is not restored yet", cause=error.message.en)

    async def _is_gone(self, model: str) -> bool:
        return not await self._probe.serves(model)

    async def _until(self, reached: Callable[[], Awaitable[bool]], seconds: float | None = None) -> bool:
        deadline = time.monotonic() + (self._deploy_seconds if seconds is None else seconds)
        while time.monotonic() < deadline:
            if await reached():
                return True
            await asyncio.sleep(PROBE_SECONDS)
        return False

    async def _wait(self, ref: VersionRef) -> None:
        cause: str | None = None

        async def settled() -> bool:
            nonlocal cause
            if await self._probe.ready(ref):
                cause = None
                return True
            cause = await self._probe.failure(ref)
            return cause is not None

        reached = await self._until(settled)
        if cause is not None:
            raise DeployFailedError(
                Text(en=cause, id=f"{ref} tidak dapat dimuat: {cause}"),
                Text(
                    en="What was served before is still served. Register a mended file.",
                    id="Versi sebelumnya tetap dilayani. Daftarkan berkas yang sudah diperbaiki.",
                ),
            )
        if not reached:
            raise self._timed_out(ref)

    def _timed_out(self, ref: VersionRef) -> DeployTimeoutError:
        return DeployTimeoutError(
            Text(
                en=f"{ref} did not answer within {self._deploy_seconds:g} seconds.",
                id=f"{ref} tidak menjawab dalam {self._deploy_seconds:g} detik.",
            ),
            Text(
                en="What was served before is served again. Try later, or ask the platform team.",
                id="Versi sebelumnya dilayani kembali. Coba lagi nanti, atau hubungi tim platform.",
            ),
        )
