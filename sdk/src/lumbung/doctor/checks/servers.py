"""On a laptop: the databases, their schemas and the bucket, as `python -m platformsetup check` sees them.

Its own process, with the stack's secrets in its environment: the client carries no drivers of databases and stores.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_servers"]

_SECONDS = 120


def check_servers(site: Site) -> Iterator[Finding]:
    """What the set-up finds in the servers; nothing where the set-up is not installed."""
    if site.stack is None or importlib.util.find_spec("platformsetup") is None:
        return
    files = site.stack["files"]
    passwords = json.loads(Path(files["databases"]).read_text(encoding="utf-8"))
    s3 = {name: site.stack["s3"][name] for name in ("endpoint", "secure", "region", "bucket", "access_key")}
    server = {name: site.stack["postgres"][name] for name in ("host", "port")}
    secrets = {f"LUMBUNG_DATABASES__PASSWORDS__{name}": text for name, text in passwords.items()}
    secrets["LUMBUNG_LAKE__S3__SECRET_KEY"] = Path(files["s3_secret_key"]).read_text(encoding="utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as settings:
        json.dump({"server": server, "lake": {"s3": s3}}, settings)
        settings.flush()
        done = subprocess.run(
            [sys.executable, "-m", "platformsetup", "check"],
            env={"PATH": "/usr/bin:/bin", "LUMBUNG_CONFIG": settings.name, **secrets},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    for entry in json.loads(done.stdout):
        yield Finding(entry["check"], entry["place"], tuple(entry["what"]), tuple(entry["remedy"]))
