"""The last hour, minute by minute, for those who look at it now."""

import math
from collections.abc import Sequence
from typing import Final

from passerelle.core.values.clock import Clock
from passerelle.stories.serve.observe import Observation, Observer, TrafficMinute

KEPT_MINUTES: Final = 60
MOST_SERIES: Final = 500
"""Of use case, stage and model in one minute; callers may choose names of models."""
_MINUTE_MS: Final = 60_000
_REFUSED, _FAILED = 400, 500
_STEPS: Final = 8
"""Of the histogram, for each doubling of the time."""
_Key = tuple[str, str, str, str]


class _Sums:
    __slots__ = ("blocked", "cost_nano_usd", "exchanges", "failed", "refused", "times", "tokens")

    def __init__(self) -> None:
        self.exchanges = self.refused = self.failed = self.blocked = 0
        self.tokens = self.cost_nano_usd = 0
        self.times: dict[int, int] = {}
        """Step of the histogram → exchanges."""

    def add(self, seen: Observation) -> None:
        self.exchanges += 1
        if seen.status >= _FAILED:
            self.failed += 1
        elif seen.status >= _REFUSED:
            self.refused += 1
        self.blocked += seen.blocked
        self.tokens += seen.usage.input_tokens + seen.usage.output_tokens
        self.cost_nano_usd += seen.cost_nano_usd or 0
        step = int(math.log2(max(1, seen.duration_ns / 1_000)) * _STEPS)
        self.times[step] = self.times.get(step, 0) + 1

    def quantile_ms(self, share: float) -> float:
        """Upper end of the step that holds it."""
        wanted = share * self.exchanges
        for step, count in sorted(self.times.items()):
            wanted -= count
            if wanted <= 0:
                return float(2 ** ((step + 1) / _STEPS)) / 1_000
        return 0.0


class RecentTraffic:
    """Implements serve's `Observer`: tells another observer first, then counts."""

    def __init__(self, clock: Clock, beside: Observer) -> None:
        self._clock = clock
        self._beside = beside
        self._minutes: dict[int, dict[_Key, _Sums]] = {}

    def exchange_ended(self, observation: Observation) -> None:
        self._beside.exchange_ended(observation)
        minute = self._clock.now_ms() // _MINUTE_MS
        series = self._minutes.get(minute)
        if series is None:
            series = self._minutes[minute] = {}
            for old in [each for each in self._minutes if each <= minute - KEPT_MINUTES]:
                del self._minutes[old]
        key = (observation.usecase, observation.stage, observation.provider, observation.model)
        sums = series.get(key)
        if sums is None:
            if len(series) >= MOST_SERIES:
                key = ("", "", "", "")
            sums = series.setdefault(key, _Sums())
        sums.add(observation)

    def budget_alert(self, name: str, share: float) -> None:
        self._beside.budget_alert(name, share)

    def caller_refused(self, code: str) -> None:
        self._beside.caller_refused(code)

    def minutes(self) -> Sequence[TrafficMinute]:
        """The last hour, oldest first; minutes without an exchange are left out."""
        first = self._clock.now_ms() // _MINUTE_MS - KEPT_MINUTES
        return [
            _shown(minute, key, sums)
            for minute, series in sorted(self._minutes.items())
            if minute > first
            for key, sums in sorted(series.items())
        ]


def _shown(minute: int, key: _Key, sums: _Sums) -> TrafficMinute:
    usecase, stage, provider, model = key
    return TrafficMinute(
        minute_ms=minute * _MINUTE_MS,
        usecase=usecase,
        stage=stage,
        provider=provider,
        model=model,
        exchanges=sums.exchanges,
        refused=sums.refused,
        failed=sums.failed,
        blocked=sums.blocked,
        tokens=sums.tokens,
        cost_nano_usd=sums.cost_nano_usd,
        p50_ms=sums.quantile_ms(0.5),
        p99_ms=sums.quantile_ms(0.99),
    )
