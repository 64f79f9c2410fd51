"""`python -m localstack.selftest`: create the lake's bucket and race conditional puts in it.

A process of its own, since the lake's libraries would cost the supervisor 150 MiB for the rest of its life.
Reads the lake's S3 settings as JSON from standard input; exit code 3 when the store is refused, 4 when it is not
ready yet, with the reason on standard error.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from localstack.errors import NotReadyError, StackError

_REFUSED = 3
_NOT_READY = 4
_SECONDS = 90.0


def refuse_racy_store(settings: str, env: Mapping[str, str], cwd: Path) -> None:
    """Run the self-test; StackError when the store lets more than one racing conditional put win."""
    argv = [sys.executable, "-m", "localstack.selftest"]
    done = subprocess.run(
        argv,
        input=settings,
        env=dict(env),
        cwd=cwd,
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


def main() -> int:
    """Test the store that standard input describes."""
    from lake import S3ObjectStore, S3Settings  # noqa: PLC0415 - heavy, and for this process only
    from lake.errors import StoreError, StoreNotConditionalError  # noqa: PLC0415

    store = S3ObjectStore(S3Settings.model_validate_json(sys.stdin.read()))
    try:
        store.ensure_bucket()
        store.self_test()
    except StoreNotConditionalError as error:
        sys.stderr.write(f"{error}\n")
        return _REFUSED
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return _NOT_READY
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
