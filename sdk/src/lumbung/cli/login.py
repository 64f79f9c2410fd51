"""`lumbung login`, `lumbung logout`, `lumbung whoami`."""

import sys
from typing import Annotated

import typer

from lumbung.cli.context import options

__all__ = ["register"]


def _login(
    demo: Annotated[str, typer.Option(metavar="ACCOUNT", help="A role account of the local stack.")] = "",
) -> None:
    """Signs in: shows an address and a code to confirm in a browser."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.config import find_endpoints  # noqa: PLC0415
    from lumbung.credentials import device_login, role_account_login  # noqa: PLC0415

    endpoints = find_endpoints(options.gateway or None)
    if demo:
        credentials = role_account_login(endpoints, demo)
    else:

        def show(url: str, code: str) -> None:
            sys.stderr.write(f"Open {url}\nand confirm the code {code}\n")

        credentials = device_login(endpoints, show)
    path = credentials.save()
    print_record({"signed_in": demo or "yes", "issuer": credentials.issuer, "credentials": str(path)})


def _logout() -> None:
    """Forgets the tokens of this machine."""
    from lumbung.config import config_folder  # noqa: PLC0415

    (config_folder() / "credentials.json").unlink(missing_ok=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("login")(_login)
    app.command("logout")(_logout)
