"""`python -m servicekit.auth [SECONDS]`: waits until the sign-in server gives its keys (`auth.jwks_url`), a step before a service.

A new pod without keys would refuse every token while an old one, which has them, could still have answered. Exit codes: 0 there,
1 not there after SECONDS (300), 2 wrong settings.
"""

import sys

import httpx
from pydantic_settings import SettingsConfigDict

from servicekit.settings import AuthSettings, ServiceSettings, SettingsError, load_settings
from servicekit.waiting import attempt_until

__all__ = ["main"]

_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 1.0


class _NoKeysError(Exception):
    """The reason why there are no keys yet."""


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
    said: list[str] = []

    def waiting(error: _NoKeysError) -> None:
        if said[-1:] != [str(error)]:
            said.append(str(error))
            sys.stderr.write(f"waiting for the keys at {url}: {error}\n")
            sys.stderr.flush()

    try:
        attempt_until(
            lambda: _expect_keys(url),
            failure=_NoKeysError,
            seconds=seconds,
            pause=_PAUSE_SECONDS,
            waiting=waiting,
        )
    except _NoKeysError as error:
        sys.stderr.write(f"{url} gave no keys within {seconds:.0f} s: {error}\n")
        return 1
    sys.stdout.write(f"{url}: keys are there\n")
    return 0


def _expect_keys(url: str) -> None:
    try:
        response = httpx.get(url, timeout=_ATTEMPT_SECONDS, trust_env=False)
        response.raise_for_status()
        keys = response.json()["keys"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise _NoKeysError(str(error) or type(error).__name__) from error
    if not keys:
        raise _NoKeysError("the set is empty")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
