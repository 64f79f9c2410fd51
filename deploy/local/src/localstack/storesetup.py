"""The lake's bucket, made and tested by `python -m platformsetup bucket`.

A process of its own, since the lake's libraries would cost the supervisor 150 MiB for the rest of its life.
"""

import subprocess
import sys

import yaml

from localstack.environment import base_environment
from localstack.errors import NotReadyError, StackError
from localstack.layout import Layout, write_private
from localstack.parts.lakesettings import bucket_secrets, s3_settings
from localstack.settings import StackSettings

_REFUSED = 1
_DEADLINE_SECONDS = 60.0
_SECONDS = 120.0


def prepare_store(settings: StackSettings) -> None:
    """Create the bucket; StackError when the store lets more than one racing conditional put win."""
    layout = Layout(settings.data_dir)
    path = layout.config / "bucket.yaml"
    document = {"deadline_seconds": _DEADLINE_SECONDS, "lake": {"s3": s3_settings(settings)}}
    write_private(path, yaml.safe_dump(document, sort_keys=False))
    done = subprocess.run(
        [sys.executable, "-m", "platformsetup", "bucket"],
        env=base_environment(layout) | bucket_secrets(settings) | {"LUMBUNG_CONFIG": str(path)},
        cwd=layout.root,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == _REFUSED:
        raise StackError(reason)
    if done.returncode != 0:
        raise NotReadyError(f"S3 is not ready to write: {reason}")
