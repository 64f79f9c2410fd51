"""`lumbung login`, `lumbung logout`."""

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
    from lumbung.texts import say  # noqa: PLC0415

    endpoints = find_endpoints(options.gateway or None)
    if demo:
        credentials = role_account_login(endpoints, demo)
    else:

        def show(url: str, code: str) -> None:
            sys.stderr.write(say("confirm_sign_in", url=url, code=code) + "\n")
            sys.stderr.flush()

        credentials = device_login(endpoints, show)
    path = credentials.save()
    print_record({"signed_in": demo or "yes", "issuer": credentials.issuer, "credentials": str(path)})


def _logout() -> None:
    """Forgets the tokens of this machine."""
    from lumbung.cli.printing import print_record  # noqa: PLC0415
    from lumbung.kept_tokens import forget  # noqa: PLC0415

    print_record({"signed_out": forget()})


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("login")(_login)
    app.command("logout")(_logout)
