"""What time is it? Everything below the process takes a clock, so that tests can set it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks in one: the wall for records, the monotonic one for durations."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class SetClock:
    """A clock that stands still until told; ships with the product for tests and simulations."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ns = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, *, seconds: float) -> None:
        """Moves both clocks forward."""
        self._now_ms += round(seconds * 1_000)
        self._monotonic_ns += round(seconds * 1_000_000_000)
