"""How often may one caller ask?"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from passerelle.core.values.errors import Refusal

MINUTE_NS: Final = 60_000_000_000
_SWEEP_ABOVE = 10_000


class RateLimit(NamedTuple):
    """Limits of one caller in one respect."""

    key: str
    """Unique for caller and respect."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Window(NamedTuple):
    """How one limit stands after a request."""

    limit: int
    remaining: int
    resets_in_seconds: float
    """Until all of it is free again."""


class RateStanding(NamedTuple):
    """The tightest limits of a request; None where there is none."""

    requests: Window | None = None
    tokens: Window | None = None


NO_LIMITS: Final = RateStanding()


class TooManyRequests(Refusal):
    """Too many requests in a short time."""

    status = 429
    code = "rate_limit_exceeded"
    kind = "rate_limit_error"

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after_seconds: float | None = None,
        standing: RateStanding | None = None,
    ) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.standing = standing


class Slots(Protocol):
    """Where the due times are kept: in one process, or for several."""

    def read(self, key: str) -> int:
        """Due time in monotonic nanoseconds; 0 for a key that is not known."""
        ...

    def write(self, key: str, due_ns: int) -> None: ...


class _Bucket(NamedTuple):
    key: str
    per_minute: int
    counts_tokens: bool


def take(slots: Slots, limits: Sequence[RateLimit], *, tokens: int, now_ns: int) -> RateStanding:
    """Counts a request at a monotonic time, or raises `TooManyRequests` and counts none.

    Source: the generic cell rate algorithm in its virtual scheduling form (ITU-T
    I.371, annex A), with cells of several units. Who has rested may use a whole
    minute's share at once, then one each 60/n seconds: in any t seconds at most
    n + n * t/60. Call it with the slots locked.
    """
    dues: list[tuple[str, int]] = []
    requests: Window | None = None
    used: Window | None = None
    for bucket in _buckets(tuple(limits)):
        key, per_minute, counts_tokens = bucket
        cost = tokens if counts_tokens else 1
        due_ns = max(slots.read(key), now_ns) + cost * MINUTE_NS // per_minute
        ahead_ns = due_ns - now_ns
        if ahead_ns > MINUTE_NS:
            _refuse(bucket, cost, ahead_ns)
        dues.append((key, due_ns))
        window = _window(per_minute, ahead_ns)
        if not counts_tokens:
            if requests is None or window.remaining < requests.remaining:
                requests = window
        elif used is None or window.remaining < used.remaining:
            used = window
    for key, due_ns in dues:
        slots.write(key, due_ns)
    return RateStanding(requests, used)


def correct(
    slots: Slots, limits: Sequence[RateLimit], *, estimated: int, actual: int, now_ns: int
) -> None:
    """Counts the tokens that a request did take instead of those it was thought to."""
    for limit in limits:
        per_minute = limit.tokens_per_minute
        if per_minute is not None:
            key = f"{limit.key}/tokens"
            due_ns = slots.read(key) + (actual - estimated) * MINUTE_NS // per_minute
            slots.write(key, max(due_ns, now_ns))


@lru_cache(maxsize=20_000)
def _buckets(limits: tuple[RateLimit, ...]) -> tuple[_Bucket, ...]:
    """The same for nearly every request of a caller."""
    buckets = []
    for limit in limits:
        if limit.requests_per_minute is not None:
            buckets.append(_Bucket(limit.key, limit.requests_per_minute, False))
        if limit.tokens_per_minute is not None:
            buckets.append(_Bucket(f"{limit.key}/tokens", limit.tokens_per_minute, True))
    return tuple(buckets)


def _window(per_minute: int, ahead_ns: int) -> Window:
    free = max(0, MINUTE_NS - ahead_ns) * per_minute // MINUTE_NS
    return Window(per_minute, free, max(0, ahead_ns) / 1e9)


def _refuse(bucket: _Bucket, cost: int, ahead_ns: int) -> None:
    per_minute, over_ns = bucket.per_minute, ahead_ns - MINUTE_NS
    what = "tokens" if bucket.counts_tokens else "requests"
    before = _window(per_minute, ahead_ns - cost * MINUTE_NS // per_minute)
    standing = RateStanding(*((None, before) if bucket.counts_tokens else (before, None)))
    if cost > per_minute:
        raise TooManyRequests(
            f"At most {per_minute:,} {what} a minute; this request alone may take "
            f"{cost:,}: shorten it, or set max_tokens.",
            standing=standing,
        )
    seconds = max(1, math.ceil(over_ns / 1e9))
    raise TooManyRequests(
        f"At most {per_minute:,} {what} a minute; try again in {seconds} s.",
        retry_after_seconds=over_ns / 1e9,
        standing=standing,
    )


class Rates(Protocol):
    """Limits requests and tokens by the minute."""

    def take(self, limits: Sequence[RateLimit], *, tokens: int, now_ns: int) -> RateStanding:
        """Counts a request, or raises `TooManyRequests` and counts none."""
        ...

    def correct(
        self, limits: Sequence[RateLimit], *, estimated: int, actual: int, now_ns: int
    ) -> None:
        """Counts what it did take."""
        ...


class MemoryRates:
    """Implements `Rates` for one process, with one integer for each key."""

    def __init__(self) -> None:
        self._due_ns: dict[str, int] = {}
        self._sweep_at = _SWEEP_ABOVE

    def read(self, key: str) -> int:
        return self._due_ns.get(key, 0)

    def write(self, key: str, due_ns: int) -> None:
        self._due_ns[key] = due_ns

    def take(self, limits: Sequence[RateLimit], *, tokens: int, now_ns: int) -> RateStanding:
        standing = take(self, limits, tokens=tokens, now_ns=now_ns)
        if len(self._due_ns) > self._sweep_at:
            self._sweep(now_ns)
        return standing

    def correct(
        self, limits: Sequence[RateLimit], *, estimated: int, actual: int, now_ns: int
    ) -> None:
        correct(self, limits, estimated=estimated, actual=actual, now_ns=now_ns)

    def _sweep(self, now_ns: int) -> None:
        # A key that is no longer ahead of time is the same as one never seen.
        self._due_ns = {key: due for key, due in self._due_ns.items() if due > now_ns}
        self._sweep_at = max(_SWEEP_ABOVE, 2 * len(self._due_ns))
