"""`lumbung status`."""

import typer

from lumbung.cli.context import options

__all__ = ["register"]


def _status() -> None:
    """Shows whether the platform answers, and as whom you are signed in."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.config import find_endpoints  # noqa: PLC0415
    from lumbung.health import check_platform  # noqa: PLC0415

    report = check_platform(find_endpoints(options.gateway or None))
    print_record(report)
    if not report["gateway_ready"]:
        from lumbung.errors import ApiError  # noqa: PLC0415
        from lumbung.texts import say  # noqa: PLC0415

        raise ApiError(
            code="UNAVAILABLE",
            reason="GATEWAY_UNAVAILABLE",
            message=say("gateway_silent", gateway=report["gateway"]),
        )


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("status")(_status)
