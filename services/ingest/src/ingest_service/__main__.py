"""`python -m ingest_service` with settings from LUMBUNG_CONFIG and the environment."""

from collections.abc import Awaitable, Callable, Sequence

from ingest_service.app import start
from ingest_service.settings import IngestSettings
from servicekit.server import run_service
from servicekit.settings import load_settings


def main() -> None:
    """Runs the service until it is told to stop."""
    settings = load_settings(IngestSettings)

    async def begin() -> Sequence[Callable[[], Awaitable[None]]]:
        return await start(settings)

    run_service("ingest", settings.telemetry, settings.listen, begin)


if __name__ == "__main__":
    main()
