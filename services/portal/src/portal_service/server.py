"""Serves the portal over HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence

import uvicorn

from portal_service.app import create_portal
from portal_service.settings import PortalSettings

__all__ = ["start_portal"]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: signals are the business of the process, which stops the server in order."""
        yield


async def start_portal(settings: PortalSettings) -> Sequence[Callable[[], Awaitable[None]]]:
    """Listens; gives what stops it again."""
    portal = create_portal(settings)
    listen = settings.listen
    config = uvicorn.Config(
        portal.app,
        host=listen.host,
        port=listen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=listen.max_concurrent_calls,
        timeout_graceful_shutdown=int(listen.stop_grace_seconds) or 1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
            raise RuntimeError(f"the portal cannot listen on {listen.host}:{listen.port}")
        await asyncio.sleep(0.02)

    async def stop() -> None:
        server.should_exit = True
        await task

    return (stop, portal.close)
