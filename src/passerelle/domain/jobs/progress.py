"""How far is a run? Values only; who draws them decides how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from passerelle.core.values.clock import Clock


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    done: int
    total: int
    item: str
    """What is being worked on; empty at the end."""
    elapsed_seconds: float

    @property
    def per_second(self) -> float:
        """Items a second since the start; 0 before the first is done."""
        return self.done / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """At the speed so far; None before the first is done."""
        return (self.total - self.done) / self.per_second if self.per_second > 0 else None


Report: TypeAlias = Callable[[Progress], None]
"""Told after every item; must be quick, since the run waits for it."""


class Tally:
    """Counts finished items and tells each step."""

    def __init__(self, total: int, clock: Clock, report: Report) -> None:
        self._total = total
        self._clock = clock
        self._report = report
        self._done = 0
        self._started_ns = clock.monotonic_ns()

    @property
    def elapsed_seconds(self) -> float:
        return (self._clock.monotonic_ns() - self._started_ns) / 1_000_000_000

    def starting(self, item: str) -> None:
        """Work on the item begins."""
        self._tell(item)

    def finished(self) -> None:
        """One item more is done."""
        self._done += 1
        if self._done == self._total:
            self._tell("")

    def _tell(self, item: str) -> None:
        self._report(Progress(self._done, self._total, item, self.elapsed_seconds))
