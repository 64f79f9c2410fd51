"""Kafka's program: the jars of the broker and what they need, fetched once per user."""

import re
import shutil
from pathlib import Path

from platformsetup.buildcache import made_once, run_build
from platformsetup.errors import SetupError

__all__ = ["COORDINATES", "VERSION", "fetched_jars"]

VERSION = "4.3.1"

COORDINATES = "coordinates.txt"
"""Beside the jars: `group:artifact:version` of each, a line."""

_LOGGING = "1.7.36"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
# As the plugin lists it: `   group:artifact:jar:version:scope -- module name`.
_LISTED = re.compile(r"^\s+([^\s:]+):([^\s:]+):jar:([^\s:]+):\w+", re.MULTILINE)
_PROJECT = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lumbung</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{_LOGGING}</version></dependency>
  </dependencies>
</project>
"""


def fetched_jars(cache_dir: Path) -> Path:
    """Folder of the jars (44 MB); fetches them when they are not in the cache yet.

    Raises SetupError when there is no Maven to fetch them with, or it cannot.
    """
    return made_once(cache_dir / f"kafka-{VERSION}", "kafka", _fetch)


def _fetch(work: Path) -> Path:
    if shutil.which("mvn") is None:
        raise SetupError("mvn is missing, Kafka cannot be fetched: run `apt-get install maven`")
    project, jars, listing = work / "pom.xml", work / "jars", work / "listing"
    project.write_text(_PROJECT)
    command = ["mvn", "-q", "-B", "-f", str(project), f"{_PLUGIN}:copy-dependencies", f"{_PLUGIN}:list"]
    command += [f"-DoutputDirectory={jars}", f"-DoutputFile={listing}", "-DincludeScope=runtime"]
    run_build(command, {}, f"fetching org.apache.kafka:kafka_2.13:{VERSION}")
    found = sorted(":".join(names) for names in _LISTED.findall(listing.read_text()))
    (jars / COORDINATES).write_text("".join(f"{line}\n" for line in found))
    return jars
