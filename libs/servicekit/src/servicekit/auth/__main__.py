"""`python -m servicekit.auth [SECONDS]`: waits until the sign-in server gives its keys (`auth.jwks_url`), a step before a service.

A new pod without keys would refuse every token while an old one, which has them, could still have answered. Exit codes: 0 there,
1 not there after SECONDS (300), 2 wrong settings.
"""

import sys
import time

import httpx
from pydantic_settings import SettingsConfigDict

from servicekit.settings import AuthSettings, ServiceSettings, SettingsError, load_settings

__all__ = ["main"]

_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 1.0


class _SignIn(ServiceSettings):
    """The sign-in in a service's settings; the service itself checks the rest."""

    model_config = SettingsConfigDict(extra="ignore")

    auth: AuthSettings


def main(arguments: list[str]) -> int:
    """Asks until the keys are there, and says so when the reason changes."""
    seconds = float(arguments[0]) if arguments else 300.0
    try:
        url = load_settings(_SignIn).auth.jwks_url
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    deadline, said = time.monotonic() + seconds, ""
    while trouble := _trouble(url):
        if time.monotonic() >= deadline:
            sys.stderr.write(f"{url} gave no keys within {seconds:.0f} s: {trouble}\n")
            return 1
        if trouble != said:
            sys.stderr.write(f"waiting for the keys at {url}: {trouble}\n")
            sys.stderr.flush()
            said = trouble
        time.sleep(_PAUSE_SECONDS)
    sys.stdout.write(f"{url}: keys are there\n")
    return 0


def _trouble(url: str) -> str:
    try:
        response = httpx.get(url, timeout=_ATTEMPT_SECONDS, trust_env=False)
        response.raise_for_status()
        keys = response.json()["keys"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        return str(error) or type(error).__name__
    return "" if keys else "the set is empty"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
