"""The last hour, minute by minute, for those who look at it now."""

import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final

import msgspec

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


class Sums(msgspec.Struct):
    """What is counted of one model, use case and stage in one minute."""

    exchanges: int = 0
    refused: int = 0
    failed: int = 0
    blocked: int = 0
    tokens: int = 0
    cost_nano_usd: int = 0
    times: dict[int, int] = msgspec.field(default_factory=dict)
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

    def add_all(self, other: "Sums") -> None:
        self.exchanges += other.exchanges
        self.refused += other.refused
        self.failed += other.failed
        self.blocked += other.blocked
        self.tokens += other.tokens
        self.cost_nano_usd += other.cost_nano_usd
        for step, count in other.times.items():
            self.times[step] = self.times.get(step, 0) + count

    def quantile_ms(self, share: float) -> float:
        """Upper end of the step that holds it."""
        wanted = share * self.exchanges
        for step, count in sorted(self.times.items()):
            wanted -= count
            if wanted <= 0:
                return float(2 ** ((step + 1) / _STEPS)) / 1_000
        return 0.0


Counted = tuple[int, _Key, Sums]
"""Minute, then use case, stage, provider and model, then the sums."""


class RecentTraffic:
    """Implements serve's `Observer`: tells another observer first, then counts."""

    def __init__(self, clock: Clock, beside: Observer) -> None:
        self._clock = clock
        self._beside = beside
        self._minutes: dict[int, dict[_Key, Sums]] = {}

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
            sums = series.setdefault(key, Sums())
        sums.add(observation)

    def budget_alert(self, name: str, share: float) -> None:
        self._beside.budget_alert(name, share)

    def caller_refused(self, code: str) -> None:
        self._beside.caller_refused(code)

    def counted(self) -> Sequence[Counted]:
        """The last hour, for another process to add to its own."""
        first = self._clock.now_ms() // _MINUTE_MS - KEPT_MINUTES
        return [
            (minute, key, sums)
            for minute, series in self._minutes.items()
            if minute > first
            for key, sums in series.items()
        ]

    def minutes(self, others: Iterable[Counted] = ()) -> Sequence[TrafficMinute]:
        """The last hour with what others counted, oldest first; empty minutes are left out."""
        first = self._clock.now_ms() // _MINUTE_MS - KEPT_MINUTES
        total: dict[tuple[int, _Key], Sums] = {}
        for minute, key, sums in (*self.counted(), *others):
            if minute > first:
                total.setdefault((minute, key), Sums()).add_all(sums)
        return [
            _shown(minute, key, sums)
            for (minute, key), sums in sorted(total.items(), key=itemgetter(0))
        ]


def _shown(minute: int, key: _Key, sums: Sums) -> TrafficMinute:
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
