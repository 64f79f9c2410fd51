"""`python -m portal_service` runs the portal."""

from portal_service.server import start_portal
from portal_service.settings import PortalSettings
from servicekit.server import run_service
from servicekit.settings import load_settings


def main() -> None:
    """Runs until it is told to stop."""
    settings = load_settings(PortalSettings)
    run_service("portal", settings.telemetry, settings.listen, lambda: start_portal(settings))


if __name__ == "__main__":
    main()
