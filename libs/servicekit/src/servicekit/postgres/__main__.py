"""`python -m servicekit.postgres PACKAGE[=SECTION] ...`: applies the migrations of packages, as a step of its own.

PACKAGE holds the folder `migrations`; SECTION is where the service's settings name its database: `postgres`, or
`lake.postgres`. Any number of these may run at once and again. Exit codes: 0 done, 1 a migration or the server failed,
2 wrong settings.
"""

import sys
from importlib.resources import files

import psycopg
from pydantic import BaseModel, ConfigDict
from pydantic_settings import SettingsConfigDict

from servicekit.postgres.migrations import migrate
from servicekit.settings import PostgresSettings, ServiceSettings, SettingsError, load_settings

__all__ = ["main"]


class _Lake(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    postgres: PostgresSettings | None = None


class _Databases(ServiceSettings):
    """The databases in a service's settings; the service itself checks the rest."""

    model_config = SettingsConfigDict(extra="ignore")

    postgres: PostgresSettings | None = None
    lake: _Lake = _Lake()


def main(arguments: list[str]) -> int:
    """Applies what is missing, package by package, and says what that was."""
    try:
        databases = load_settings(_Databases)
        sections = {"postgres": databases.postgres, "lake.postgres": databases.lake.postgres}
        for argument in arguments:
            package, _, named = argument.partition("=")
            section = named or "postgres"
            database = sections.get(section)
            if database is None:
                raise SettingsError(f"the settings have no database at {section}")  # noqa: TRY301 - told below
            applied = migrate(database, files(package) / "migrations")
            sys.stdout.write(f"{database.database}: {', '.join(applied) or 'nothing to apply'}\n")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except psycopg.Error as error:
        sys.stderr.write(" ".join([str(error).strip(), *getattr(error, "__notes__", ())]) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
