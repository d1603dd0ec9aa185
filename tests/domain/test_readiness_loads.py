import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.ids import canonical_bytes
from passerelle.domain.readiness.loads import (
    LOAD_BAR,
    LoadFigures,
    LoadSeen,
    figures_of,
    load_facts,
    percentile,
    read_load,
    shortfalls,
)

ENOUGH = LoadSeen(offered=15_000, seconds=30, latencies_ms=[20.0] * 15_000)


def figures(**changes: object) -> LoadFigures:
    return figures_of(replace(ENOUGH, **changes))  # type: ignore[arg-type]


def test_exactly_the_rate_is_enough() -> None:
    assert figures_of(ENOUGH).rps == LOAD_BAR.rps
    assert shortfalls(figures_of(ENOUGH)) == ()


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (figures(offered=14_970, latencies_ms=[20.0] * 14_970), "500 answers a second"),
        (figures(latencies_ms=[20.0] * 14_800 + [500.0] * 200), "p99 must lie below 500 ms"),
        (figures(latencies_ms=[math.nan] * 15_000), "p99 must lie below 500 ms"),
        (figures(offered=15_100), "may fail"),
        (figures(offered=3_000, seconds=6.0, latencies_ms=[20.0] * 3_000), "for 10 s"),
    ],
)
def test_each_shortfall_is_named_alone(found: LoadFigures, fault: str) -> None:
    (named,) = shortfalls(found)
    assert fault in named


def test_nothing_answered_is_not_enough() -> None:
    empty = figures(latencies_ms=[])
    assert (empty.rps, empty.failures) == (0.0, 15_000)
    assert len(shortfalls(empty)) == 3
    assert figures_of(LoadSeen(0, 0, ())).rps == 0.0


def test_a_tail_that_only_luck_hides_is_not_enough() -> None:
    """1 % of 1,000 answers are slow: the 99th percentile may lie on either side."""
    few = figures_of(LoadSeen(1_000, 1.0, [20.0] * 991 + [900.0] * 9))
    assert few.p99_ms.value == 20.0
    assert few.p99_ms.high == 900.0


@given(st.lists(st.floats(0, 1_000), max_size=300), st.integers(0, 50), st.floats(0.1, 100))
def test_figures_survive_being_kept_as_evidence(
    latencies: list[float], failures: int, seconds: float
) -> None:
    found = figures_of(LoadSeen(len(latencies) + failures, seconds, latencies))
    canonical_bytes(load_facts(found))
    kept = read_load(load_facts(found))
    assert kept is not None
    assert str(kept) == str(found)
    assert shortfalls(kept) == shortfalls(found)


@pytest.mark.parametrize("missing", ["rps", "seconds", "offered", "failures", "p50_ms", "p99_ms"])
def test_facts_of_something_else_are_no_figures(missing: str) -> None:
    facts = load_facts(figures_of(ENOUGH))
    assert read_load(facts | {missing: "many"}) is None


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_interval_of_a_percentile_covers_the_truth(share: float) -> None:
    chance = random.Random(3)  # noqa: S311 - a simulation
    truth = -math.log(1 - share)  # quantile of the exponential distribution
    hits = 0
    for _ in range(1_000):
        found = percentile(sorted(chance.expovariate(1) for _ in range(1_000)), share)
        assert found.low <= found.value <= found.high
        hits += found.low <= truth <= found.high
    assert 930 <= hits <= 975


def test_too_few_values_bound_nothing() -> None:
    assert percentile([1.0, 2.0, 3.0], 0.99).high == math.inf
    assert math.isnan(percentile([], 0.99).value)
    assert percentile([], 0.99).high == math.inf
