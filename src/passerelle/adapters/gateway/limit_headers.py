"""How limits by the minute are told, in the headers that clients of each format read."""

import math
from datetime import UTC, datetime
from typing import Final

from passerelle.adapters.gateway.asgi import Headers
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.domain.budgets.rates import NO_LIMITS, RateStanding, TooManyRequests, Window

ANTHROPIC: Final = "/v1/messages"
"""Below here the clients are Anthropic's; everywhere else they read OpenAI's headers."""
SECOND_MS: Final = 1_000
NEVER_AGAIN: Final = (b"x-should-retry", b"false")


def limit_headers(rates: RateStanding, path: str, clock: Clock) -> Headers:
    """Empty where nothing is limited."""
    if rates is NO_LIMITS:
        return ()
    told = [
        (kind, window)
        for kind, window in ((b"requests", rates.requests), (b"tokens", rates.tokens))
        if window is not None
    ]
    if path.startswith(ANTHROPIC):
        now_ms = clock.now_ms()
        return tuple([header for each in told for header in _anthropic(*each, now_ms=now_ms)])
    return tuple([header for each in told for header in _openai(*each)])


def refused_limits(refusal: Refusal, path: str, clock: Clock) -> Headers:
    """Of the limit that refused; empty where it was no limit by the minute."""
    if not isinstance(refusal, TooManyRequests):
        return ()
    told = limit_headers(refusal.standing or NO_LIMITS, path, clock)
    # No rest helps a request that is too large: clients would try it again by themselves.
    return told if refusal.retry_after_seconds is not None else (*told, NEVER_AGAIN)


def processing_header(path: str, spent_ns: int) -> Headers:
    """How long a whole answer took, provider included, where OpenAI's clients read it."""
    if path.startswith(ANTHROPIC):
        return ()
    return ((b"openai-processing-ms", b"%d" % (spent_ns // 1_000_000)),)


def _openai(kind: bytes, window: Window) -> Headers:
    return (
        (b"x-ratelimit-limit-" + kind, b"%d" % window.limit),
        (b"x-ratelimit-remaining-" + kind, b"%d" % window.remaining),
        (b"x-ratelimit-reset-" + kind, go_duration(window.resets_in_seconds).encode()),
    )


def _anthropic(kind: bytes, window: Window, *, now_ms: int) -> Headers:
    name = b"anthropic-ratelimit-" + kind
    at = math.ceil(now_ms / 1_000 + window.resets_in_seconds)
    free = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        (name + b"-limit", b"%d" % window.limit),
        (name + b"-remaining", b"%d" % window.remaining),
        (name + b"-reset", free.encode()),
    )


def go_duration(seconds: float) -> str:
    """`17ms`, `1.5s`, `6m0s`. Source: Duration.String of Go's package time; to the millisecond."""
    ms = math.ceil(max(0.0, seconds) * SECOND_MS)
    if 0 < ms < SECOND_MS:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60 * SECOND_MS)
    hours, minutes = divmod(minutes, 60)
    last = f"{rest / SECOND_MS:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{last}"
    return f"{minutes}m{last}" if minutes else last
