"""Dask's own housekeeping, slowed down: by default an idle scheduler and two workers take 5% of a processor.

Preloaded by the scheduler (`dask scheduler --preload compute_service.executor.dask_settings`) and with
`worker_preload`: both before Dask reads these settings. Whatever Dask's own configuration says goes before them.
"""

import dask
import distributed

__all__ = ["apply"]

_DEFAULTS = {
    "worker": {
        # A sample of all stacks every 10 ms, for a dashboard that is off.
        "profile": {"enabled": False},
        # Pausing and spilling; whoever supervises the process holds it to its memory too.
        "memory": {"monitor-interval": "500ms"},
    },
    "admin": {
        # How late the event loop is: measured every 20 ms otherwise.
        "tick": {"interval": "500ms"},
        "system-monitor": {"interval": "2s"},
    },
}


def apply() -> None:
    """Makes them the defaults of this process."""
    # Importing distributed sets its own defaults: these must come after them.
    dask.config.update_defaults({distributed.__name__: _DEFAULTS})


apply()
