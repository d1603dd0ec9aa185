from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.telemetry.recent import KEPT_MINUTES, MOST_SERIES, RecentTraffic
from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import SetClock
from passerelle.core.values.verdicts import Support
from passerelle.stories.serve.observe import Observation
from tests.stories.kitchen import Watch

SEEN = Observation(
    usecase="fees",
    stage="poc",
    status=200,
    code="",
    duration_ns=5_000_000,
    upstream_ns=4_000_000,
    usage=Usage(100, 20),
    cost_nano_usd=7,
    support=Support.SUPPORTED,
    blocked=False,
    provider="replay",
    model="replay-1",
)


def test_exchanges_are_counted_by_minute_and_model_and_told_further() -> None:
    clock, watch = SetClock(), Watch()
    recent = RecentTraffic(clock, watch)
    recent.exchange_ended(SEEN)
    recent.exchange_ended(replace(SEEN, status=429, cost_nano_usd=None))
    recent.exchange_ended(replace(SEEN, status=502, model="replay-2"))
    clock.advance(seconds=60)
    recent.exchange_ended(replace(SEEN, blocked=True, status=400))
    first, second, third = recent.minutes()
    assert (first.model, first.exchanges, first.refused, first.failed) == ("replay-1", 2, 1, 0)
    assert (first.tokens, first.cost_nano_usd) == (240, 7)
    assert (second.model, second.failed) == ("replay-2", 1)
    assert (third.minute_ms - first.minute_ms, third.blocked) == (60_000, 1)
    assert len(watch.ended) == 4


def test_older_minutes_are_forgotten() -> None:
    clock = SetClock()
    recent = RecentTraffic(clock, Watch())
    for _ in range(KEPT_MINUTES + 10):
        recent.exchange_ended(SEEN)
        clock.advance(seconds=60)
    assert len(recent.minutes()) == KEPT_MINUTES - 1


def test_names_that_callers_invent_take_no_more_room_than_the_most_series() -> None:
    recent = RecentTraffic(SetClock(), Watch())
    for number in range(3 * MOST_SERIES):
        recent.exchange_ended(replace(SEEN, model=f"m{number}"))
    minutes = recent.minutes()
    assert len(minutes) == MOST_SERIES + 1
    assert sum(each.exchanges for each in minutes) == 3 * MOST_SERIES


@given(st.lists(st.integers(10_000, 10_000_000_000), min_size=1, max_size=50))
def test_quantiles_are_right_to_a_tenth(durations_ns: list[int]) -> None:
    recent = RecentTraffic(SetClock(), Watch())
    for duration_ns in durations_ns:
        recent.exchange_ended(replace(SEEN, duration_ns=duration_ns))
    (minute,) = recent.minutes()
    ordered = sorted(durations_ns)
    median_ms = ordered[(len(ordered) - 1) // 2] / 1e6
    assert median_ms * 0.99 <= minute.p50_ms <= median_ms * 1.1
    assert minute.p99_ms >= minute.p50_ms
