"""`python -m compute_service`."""

from collections.abc import Awaitable, Callable, Sequence

from compute_service.app import start
from compute_service.settings import ComputeSettings
from servicekit.server import run_service
from servicekit.settings import load_settings


def main() -> None:
    """Runs the service until it is told to stop."""
    settings = load_settings(ComputeSettings)

    async def begin() -> Sequence[Callable[[], Awaitable[None]]]:
        return await start(settings)

    run_service("compute", settings.telemetry, settings.listen, begin)


if __name__ == "__main__":
    main()
