"""Keeps what each step did, and prints it as it happens and as a table at the end."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Journal", "Outcome", "table"]


@dataclass(frozen=True)
class Outcome:
    """What a step found: a sentence, and the rows it was about (None when rows mean nothing there)."""

    result: str
    rows: int | None = None


@dataclass(frozen=True)
class Line:
    """One step in the final table."""

    step: str
    passed: bool
    result: str
    rows: int | None
    seconds: float


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table; numbers stand on the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(str(name)), *(len(row[index]) for row in cells)) for index, name in enumerate(header)]
    right = [all(not isinstance(row[index], str) for row in rows) for index in range(len(header))]

    def line(values: Sequence[str]) -> str:
        padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "  ".join(padded).rstrip()

    return "\n".join(
        [line([str(name) for name in header]), line(["-" * width for width in widths]), *map(line, cells)]
    )


@dataclass
class Journal:
    """Runs steps one after the other; after a failed one the rest is skipped, and said so."""

    lines: list[Line] = field(default_factory=list)
    failed: bool = False

    def say(self, text: str) -> None:
        """Prints something that a step has to show."""
        sys.stdout.write("\n".join(f"    {part}" for part in text.splitlines()) + "\n")
        sys.stdout.flush()

    def run(self, step: str, action: Callable[[], Outcome]) -> None:
        """Runs one step and keeps what came of it."""
        if self.failed:
            self.lines.append(
                Line(step, passed=False, result="skipped, a step before it failed", rows=None, seconds=0.0)
            )
            return
        sys.stdout.write(f"\n== {step}\n")
        sys.stdout.flush()
        started = time.perf_counter()
        try:
            outcome, passed = action(), True
        except Exception as error:  # noqa: BLE001 (whatever it is, the table says it and the exit code too)
            outcome, passed = Outcome(f"{type(error).__name__}: {error}"), False
        seconds = time.perf_counter() - started
        self.failed = not passed
        self.lines.append(Line(step, passed, outcome.result, outcome.rows, seconds))
        self.say(f"{'ok' if passed else 'FAILED'}: {outcome.result} ({seconds:.1f} s)")

    def summary(self) -> str:
        """The table of all steps."""
        rows = [
            (
                line.step,
                "ok" if line.passed else "FAILED",
                line.result,
                "" if line.rows is None else f"{line.rows:,}",
                f"{line.seconds:.1f}",
            )
            for line in self.lines
        ]
        return table(["step", "", "result", "rows", "seconds"], rows)
