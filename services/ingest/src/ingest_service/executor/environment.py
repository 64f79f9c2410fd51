"""What a process that handles other people's data finds in its environment: the way to Python, and no secret."""

import os
import sys

__all__ = ["bare_environment"]


def bare_environment(polars_threads: int) -> dict[str, str]:
    """Variables for a fresh process; nothing of this process's own settings is among them."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "POLARS_MAX_THREADS": str(polars_threads),
        # NumPy's algebra is not used: no threads for it, so that forks have none to lose.
        "OPENBLAS_NUM_THREADS": "1",
    }
