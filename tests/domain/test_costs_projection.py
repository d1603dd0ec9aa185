import math
import random
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.statistics.bootstrap import bootstrap_mean
from passerelle.core.values.chat import Usage
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.costs.lines import Metered
from passerelle.domain.costs.projection import (
    CHANCE,
    INPUTS,
    SOURCES,
    NothingToProject,
    Projection,
    project,
)
from passerelle.domain.costs.resampling import effective_number, forecast
from passerelle.domain.costs.samples import Weakness
from passerelle.domain.costs.traffic import Sample, Traffic

FIRST = date(2026, 3, 2)
DRAWS = 300


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - worlds to try on


def on(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def asked(user: int, day: int, cost: int | None = 1_000) -> Metered:
    return Metered("handbook", "openai/gpt", on(day), f"user_{user}", Usage(10, 10), cost)


def sampled(cells: Mapping[tuple[int, int], list[int]]) -> Sample:
    """From costs of requests by (user, day)."""
    traffic = Traffic()
    for (user, day), costs in cells.items():
        for cost in costs:
            traffic.add(asked(user, day, cost))
    return traffic.sample()


def even(users: int, days: int, requests: int = 2, cost: int = 1_000) -> Sample:
    return sampled({(u, d): [cost] * requests for u in range(users) for d in range(days)})


def world(
    chance: random.Random, users: int, days: int, *, of_users: float, of_days: float
) -> dict[tuple[int, int], list[int]]:
    """Users and days differ log-normally; requests are Poisson, their costs log-normal."""
    rates = [chance.lognormvariate(0, of_users) for _ in range(users)]
    busy = [chance.lognormvariate(0, of_days) for _ in range(days)]
    return {
        (u, d): [
            round(1e6 * chance.lognormvariate(0, 1))
            for _ in range(poisson(chance, 2 * rates[u] * busy[d]))
        ]
        for u in range(users)
        for d in range(days)
    }


def poisson(chance: random.Random, mean: float) -> int:
    count, left = 0, mean - chance.expovariate(1)
    while left > 0:
        count, left = count + 1, left - chance.expovariate(1)
    return count


def weaknesses(found: Projection) -> set[Weakness]:
    return {caution.weakness for caution in found.cautions}


def share(found: Projection, name: str) -> float:
    (driver,) = [each for each in found.sources + found.inputs if each.name == name][:1]
    return driver.share.value


def test_a_month_without_any_difference_is_a_multiplication() -> None:
    found = project(even(30, 14), users=10_000, seed=1)
    assert found.p10 == found.p50 == found.p90
    assert found.p50.nano == 10_000 * 30 * 2 * 1_000
    assert weaknesses(found) == {Weakness.FAR_BEYOND}


def test_the_interval_covers_a_known_truth_where_the_naive_one_does_not() -> None:
    of_users, of_days, worlds = 1.0, 0.3, 100
    in_tens, in_fives, naively = 0, 0, 0
    for seed in range(worlds):
        chance = seeded(seed)
        cells = world(chance, 20, 14, of_users=of_users, of_days=of_days)
        month = sum(chance.lognormvariate(0, of_days) for _ in range(30))
        truth = 10_000 * month * 2 * math.exp(of_users**2 / 2) * 1e6 * math.exp(0.5)
        found = project(sampled(cells), users=10_000, seed=7, draws=DRAWS)
        assert found.month is not None
        assert found.p10 is not None
        assert found.p90 is not None
        in_tens += found.p10.nano <= truth <= found.p90.nano
        in_fives += found.month.low <= truth <= found.month.high
        costs = [cost for cell in cells.values() for cost in cell]
        mean = sum(costs) / len(costs)
        deviation = math.sqrt(sum((cost - mean) ** 2 for cost in costs) / len(costs))
        half = 1.645 * deviation / math.sqrt(len(costs))
        scale = len(costs) / 20 / 14 * 10_000 * 30
        naively += (mean - half) * scale <= truth <= (mean + half) * scale
    # Nominal 80, 90 and 90; three standard errors of 100 worlds are 12 and 9.
    assert 68 <= in_tens <= 92
    assert 81 <= in_fives <= 99
    assert naively < 40


def test_the_same_seed_gives_the_same_projection_and_the_digest_names_all_inputs() -> None:
    cells = world(seeded(1), 15, 12, of_users=1, of_days=0.3)
    first = project(sampled(cells), users=500, seed=7, draws=DRAWS)
    again = project(sampled(dict(reversed(cells.items()))), users=500, seed=7, draws=DRAWS)
    assert first == again
    others = [
        project(sampled(cells), users=501, seed=7, draws=DRAWS),
        project(sampled(cells), users=500, seed=8, draws=DRAWS),
        project(sampled(cells), users=500, seed=7, draws=DRAWS + 1),
        project(sampled(cells), users=500, seed=7, draws=DRAWS, days=31),
        project(sampled(cells | {(0, 0): [1, 2]}), users=500, seed=7, draws=DRAWS),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 6


def test_users_who_differ_are_told_from_days_that_differ() -> None:
    unlike_users = world(seeded(3), 20, 20, of_users=1.2, of_days=0)
    unlike_days = world(seeded(3), 20, 20, of_users=0, of_days=1.2)
    by_users = project(sampled(unlike_users), users=10_000, seed=1, draws=DRAWS)
    by_days = project(sampled(unlike_days), users=10_000, seed=1, draws=DRAWS)
    assert by_users.sources[0].name == SOURCES[0]
    assert share(by_users, SOURCES[0]) > 0.8
    assert share(by_users, SOURCES[1]) < 0.1
    assert share(by_days, SOURCES[1]) > share(by_days, SOURCES[0])


def test_the_input_that_varies_is_named_as_the_driver() -> None:
    chance = seeded(5)
    price = [chance.lognormvariate(7, 1) for _ in range(20)]
    dear = {(u, d): [round(price[u])] * 2 for u in range(20) for d in range(10)}
    found = project(sampled(dear), users=1_000, seed=1, draws=DRAWS)
    assert found.inputs[0].name == INPUTS[2]
    assert share(found, INPUTS[2]) > 0.9
    value = found.inputs[0].value
    assert value is not None
    assert value.low < value.value < value.high
    for drivers in (found.inputs, found.sources):
        assert sum(driver.share.value for driver in drivers) == pytest.approx(1)
        assert all(each.share.low <= each.share.value <= each.share.high for each in drivers)


def test_few_users_to_come_leave_more_to_chance() -> None:
    sample = sampled(world(seeded(2), 40, 20, of_users=1, of_days=0.1))
    few = project(sample, users=5, seed=1, draws=DRAWS)
    many = project(sample, users=50_000, seed=1, draws=DRAWS)
    assert share(few, CHANCE) > share(many, CHANCE)
    assert few.p90 is not None
    assert many.p90 is not None
    assert few.p90.nano / few.p50.nano > many.p90.nano / many.p50.nano


def test_quiet_days_between_count_as_days() -> None:
    busy = sampled({(u, d): [10] for u in range(5) for d in (0, 9)})
    assert (busy.days, len(busy.blocks)) == (10, 10)
    assert project(busy, users=5, seed=1, draws=DRAWS).sample == (50, 10, 10, 10, 100)


def test_weeks_are_drawn_once_there_are_five() -> None:
    assert (even(2, 34).block_days, len(even(2, 34).blocks)) == (1, 34)
    assert (even(2, 36).block_days, len(even(2, 36).blocks)) == (7, 6)
    assert even(2, 36).blocks[-1].user_days == 2
    found = project(even(30, 36), users=30, seed=1, draws=DRAWS)
    assert found.p50.nano == 30 * 30 * 2 * 1_000


@pytest.mark.parametrize(("users", "days"), [(1, 20), (20, 1), (1, 1)])
def test_one_user_or_one_day_gives_a_value_without_an_interval(users: int, days: int) -> None:
    found = project(even(users, days), users=100, seed=1)
    assert (found.p10, found.p90, found.month) == (None, None, None)
    assert found.p50.nano == 100 * 30 * 2 * 1_000
    assert Weakness.NO_INTERVAL in weaknesses(found)


def test_small_sample_is_told_how_much_more_it_needs() -> None:
    cells = world(seeded(4), 8, 6, of_users=1, of_days=0.3)
    found = project(sampled(cells), users=1_000, seed=1)
    assert weaknesses(found) >= {
        Weakness.FEW_USERS,
        Weakness.FEW_DAYS,
        Weakness.NO_WHOLE_WEEKS,
        Weakness.FAR_BEYOND,
    }
    (few,) = [each for each in found.cautions if each.weakness is Weakness.FEW_USERS]
    assert few.message.startswith("8 users seen")
    more = int(few.advice.split("at least ")[1].split(" ")[0].replace(",", ""))
    assert more > 12


def test_user_and_day_that_outweigh_the_others_are_named() -> None:
    cells = {(u, d): [1_000] for u in range(25) for d in range(20)}
    by_user = project(sampled(cells | {(0, 3): [1_000] * 300}), users=500, seed=1, draws=DRAWS)
    assert Weakness.ONE_USER_DOMINATES in weaknesses(by_user)
    burst = {(u, 3): [1_000] * 40 for u in range(25)}
    by_day = project(sampled(cells | burst), users=500, seed=1, draws=DRAWS)
    assert Weakness.ONE_DAY_DOMINATES in weaknesses(by_day)
    assert Weakness.ONE_USER_DOMINATES not in weaknesses(by_day)


def test_growing_use_is_not_called_steady() -> None:
    growing = {(u, d): [1_000] * (1 + d) for u in range(25) for d in range(20)}
    assert Weakness.UNSTEADY in weaknesses(project(sampled(growing), users=500, seed=1))


def test_unknown_prices_count_as_requests_and_not_as_free() -> None:
    traffic = Traffic()
    for user in range(20):
        for day in range(14):
            traffic.add(asked(user, day))
            traffic.add(asked(user, day, None))
    found = project(traffic.sample(), users=100, seed=1, draws=DRAWS)
    assert found.p50.nano == 100 * 30 * 2 * 1_000
    (caution,) = found.cautions
    assert caution.weakness is Weakness.UNKNOWN_PRICES
    assert caution.message.startswith("280 of 560 requests")


def test_models_that_cost_nothing_give_zero_and_say_what_that_means() -> None:
    found = project(even(30, 14, cost=0), users=100, seed=1)
    assert found.p10 == found.p50 == found.p90
    assert found.p50.nano == 0
    assert weaknesses(found) == {Weakness.NO_COST}


def test_nothing_is_projected_from_nothing() -> None:
    with pytest.raises(NothingToProject):
        project(Traffic().sample(), users=100, seed=1)
    unknown = Traffic()
    unknown.add(asked(1, 1, None))
    with pytest.raises(NothingToProject):
        project(unknown.sample(), users=100, seed=1)
    with pytest.raises(InvalidRequest):
        project(even(2, 2), users=0, seed=1)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 8)),
        st.lists(st.integers(0, 10**9), min_size=1, max_size=3),
        min_size=1,
    ),
    st.integers(1, 10**6),
)
def test_any_sample_gives_ordered_finite_money(
    cells: dict[tuple[int, int], list[int]], users: int
) -> None:
    found = project(sampled(cells), users=users, seed=1, draws=40)
    if found.p10 is not None and found.p90 is not None:
        assert 0 <= found.p10.nano <= found.p50.nano <= found.p90.nano
    assert all(caution.message and caution.advice for caution in found.cautions)


def test_day_that_is_not_over_can_be_left_out() -> None:
    traffic = Traffic()
    for day in range(3):
        traffic.add(asked(1, day))
    assert traffic.without(on(2)).days() == (on(0), on(1))
    assert traffic.days() == (on(0), on(1), on(2))


def test_forecast_covers_the_mean_of_units_that_differ_as_often_as_it_says() -> None:
    truth, hits, rounds = math.exp(0.18), 0, 300
    for seed in range(rounds):
        chance = seeded(seed)
        rows = [(1.0, chance.lognormvariate(0, 0.6)) for _ in range(20)]
        found = forecast(rows, seed=1, draws=200)
        hits += found.low <= truth <= found.high
    assert 0.85 <= hits / rounds <= 0.95


def test_forecast_of_very_skewed_units_beats_wider_percentiles() -> None:
    truth, ours, percentiles, rounds = math.exp(0.72), 0, 0, 200
    for seed in range(rounds):
        chance = seeded(seed)
        amounts = [chance.lognormvariate(0, 1.2) for _ in range(10)]
        found = forecast([(1.0, amount) for amount in amounts], seed=1, draws=200)
        plain = bootstrap_mean(amounts, draws=200, seed=1)  # of 95 %, ours of 90 %
        ours += found.low <= truth <= found.high
        percentiles += plain.low <= truth <= plain.high
    assert ours > percentiles
    assert ours / rounds >= 0.8


def test_forecast_of_few_units_to_come_is_wider_than_of_the_long_run() -> None:
    chance = seeded(1)
    rows = [(float(n), n * chance.lognormvariate(0, 0.3)) for n in range(10, 22)]
    long_run, soon = forecast(rows, seed=1), forecast(rows, to_come=2, seed=1)
    assert soon.value == long_run.value
    assert soon.low < long_run.low < long_run.value < long_run.high < soon.high
    assert long_run == forecast(rows, seed=1)


def test_forecast_without_units_enough_has_no_interval() -> None:
    assert math.isnan(forecast([], seed=1).value)
    alone = forecast([(2.0, 6.0)], seed=1)
    assert (alone.value, alone.n, math.isnan(alone.low)) == (3, 1, True)
    free = forecast([(1.0, 0.0), (2.0, 0.0)], seed=1)
    assert (free.low, free.value, free.high) == (0, 0, 0)
    same = forecast([(1.0, 2.0), (3.0, 6.0)], seed=1)
    assert (same.low, same.value, same.high) == (2, 2, 2)


def test_effective_number_counts_equal_parts() -> None:
    assert effective_number([5, 5, 5, 5]) == pytest.approx(4)
    assert effective_number([100, 1, 1]) == pytest.approx(1.04, abs=0.01)
    assert effective_number([]) == 0
