"""The Keycloak distribution: fetched once per user, built once per set of build options.

The cache is shared by every checkout of a user: a lock keeps two of them from building at once, and a folder gets
its final name only when it is whole.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from platformsetup.buildcache import made_once, run_build
from platformsetup.errors import SetupError

VERSION = "26.7.3"
BUILD_OPTIONS = ("--db=postgres", "--health-enabled=true", "--metrics-enabled=true")
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


def java_arguments(home: Path) -> list[str]:
    """Arguments that any Java needs to run the distribution in `home`, without sizes and before Keycloak's own."""
    opened = ("util", "util.concurrent", "security", "lang")
    return [
        "-XX:+ExitOnOutOfMemoryError",
        "-Dfile.encoding=UTF-8",
        "-Djava.security.egd=file:/dev/urandom",
        *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in opened),
        "--enable-native-access=ALL-UNNAMED",
        f"-Dkc.home.dir={home}",
        f"-Djboss.server.config.dir={home / 'conf'}",
        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
        "-Dpicocli.disable.closures=true",
        "-cp",
        str(home / "lib" / "quarkus-run.jar"),
        "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
    ]


def local_archive(environ: Mapping[str, str]) -> Path | None:
    """The archive that LUMBUNG_KEYCLOAK_ARCHIVE names, for machines without a network."""
    named = environ.get("LUMBUNG_KEYCLOAK_ARCHIVE")
    return Path(named).expanduser().resolve() if named else None


def built_distribution(cache_dir: Path, java: Path, archive: Path | None = None) -> Path:
    """Folder of the built distribution; fetches and builds it when it is not in the cache yet (about 40 s).

    `archive` is a local keycloak-quarkus-dist archive that is taken instead of a fetched one.
    """
    digest = hashlib.sha256(" ".join(BUILD_OPTIONS).encode()).hexdigest()[:8]

    def build(work: Path) -> Path:
        source = archive or _fetch(work)
        if not source.exists():
            raise SetupError(f"LUMBUNG_KEYCLOAK_ARCHIVE={source} does not exist")
        # Debian 12's Python cannot filter what tarfile extracts; tar itself refuses paths that lead outside.
        run_build(
            ["tar", "--extract", f"--file={source}", f"--directory={work}", "--no-same-owner"],
            {},
            "unpacking Keycloak",
        )
        home = work / f"keycloak-{VERSION}"
        run_build([str(home / "bin" / "kc.sh"), "build", *BUILD_OPTIONS], {"JAVA": str(java)}, "kc.sh build")
        return home

    return made_once(cache_dir / f"keycloak-{VERSION}-{digest}", "keycloak", build)


def _fetch(folder: Path) -> Path:
    if shutil.which("mvn") is None:
        raise SetupError(
            "mvn is missing, Keycloak cannot be fetched: run `apt-get install maven`, "
            "or set LUMBUNG_KEYCLOAK_ARCHIVE to a keycloak-quarkus-dist archive"
        )
    command = ["mvn", "-q", "-B", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"]
    run_build(command, {}, f"fetching {_ARTIFACT}")
    return folder / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
