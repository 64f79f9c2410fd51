"""How long to wait before a dead part is started again."""

from dataclasses import dataclass

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0
_CALM_SECONDS = 60.0


@dataclass
class Backoff:
    """Doubling waits; a part that stayed up for a minute starts from the first wait again."""

    failures: int = 0

    def next_wait(self, *, ran_for: float) -> float:
        """Seconds to wait after a failure; `ran_for` is how long the part had been ready, in seconds."""
        if ran_for >= _CALM_SECONDS:
            self.failures = 0
        wait = min(_FIRST_SECONDS * 2.0**self.failures, _LONGEST_SECONDS)
        self.failures += 1
        return wait
