"""`python -m inference_service`: the model registry and the keeper of what is served."""

from collections.abc import Awaitable, Callable, Sequence

from inference_service.app import start
from inference_service.settings import InferenceSettings
from servicekit.server import run_service
from servicekit.settings import load_settings

__all__ = ["main"]


def main() -> None:
    """Runs the service until it is told to stop."""
    settings = load_settings(InferenceSettings)

    async def begin() -> Sequence[Callable[[], Awaitable[None]]]:
        return await start(settings)

    run_service("inference", settings.telemetry, settings.listen, begin)


if __name__ == "__main__":
    main()
