"""How often may one caller ask?"""

import math

from passerelle.core.values.errors import Refusal

_MINUTE_NS = 60_000_000_000
_SWEEP_ABOVE = 10_000


class TooManyRequests(Refusal):
    """Too many requests in a short time."""

    status = 429
    code = "rate_limit_exceeded"
    kind = "rate_limit_error"


class Rates:
    """Limits requests by key with one integer each.

    Source: the generic cell rate algorithm in its virtual scheduling form (ITU-T
    I.371, annex A). A key that has rested may use a whole minute's requests at
    once, then one each 60/n seconds: in any t seconds at most n + n * t/60.
    """

    def __init__(self) -> None:
        self._due_ns: dict[str, int] = {}
        self._sweep_at = _SWEEP_ABOVE

    def take(self, key: str, *, per_minute: int, now_ns: int) -> None:
        """Counts a request at a monotonic time, or raises `TooManyRequests` and counts none."""
        interval_ns = _MINUTE_NS // per_minute
        due_ns = max(self._due_ns.get(key, now_ns), now_ns)
        wait_ns = due_ns - now_ns - (per_minute - 1) * interval_ns
        if wait_ns > 0:
            seconds = max(1, math.ceil(wait_ns / 1_000_000_000))
            raise TooManyRequests(
                f"At most {per_minute} a minute; try again in {seconds} s.",
                retry_after_seconds=wait_ns / 1_000_000_000,
            )
        self._due_ns[key] = due_ns + interval_ns
        if len(self._due_ns) > self._sweep_at:
            self._sweep(now_ns)

    def _sweep(self, now_ns: int) -> None:
        # A key that is no longer ahead of time is the same as one never seen.
        self._due_ns = {key: due for key, due in self._due_ns.items() if due > now_ns}
        self._sweep_at = max(_SWEEP_ABOVE, 2 * len(self._due_ns))
