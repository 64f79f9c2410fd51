"""`python -m catalog_service`."""

from catalog_service.app import start
from catalog_service.settings import CatalogSettings
from servicekit.server import run_service
from servicekit.settings import load_settings


def main() -> None:
    """Runs the catalog until it is told to stop."""
    settings = load_settings(CatalogSettings)
    run_service("catalog", settings.telemetry, settings.listen, lambda: start(settings))


if __name__ == "__main__":
    main()
