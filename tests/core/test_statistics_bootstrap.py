import math
import random
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest

from passerelle.core.statistics.bootstrap import (
    bootstrap,
    bootstrap_mean,
    paired_bootstrap,
    quantile,
)


def test_the_interval_of_a_mean_agrees_with_theory() -> None:
    chance = random.Random(1)  # noqa: S311 - statistics
    values = [chance.gauss(5, 2) for _ in range(400)]
    estimate = bootstrap_mean(values, seed=7)
    error = float(np.std(values) / math.sqrt(len(values)))
    assert estimate.value == pytest.approx(fmean(values))
    assert estimate.low == pytest.approx(estimate.value - 1.96 * error, abs=0.15 * error)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * error, abs=0.15 * error)
    assert estimate.method == "bootstrap 95%, 2000 draws, seed 7"


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    chance = random.Random(2)  # noqa: S311 - statistics
    covered = 0
    for seed in range(200):
        rows = [chance.gauss(0, 1) for _ in range(50)]
        estimate = bootstrap_mean(rows, draws=300, seed=seed)
        covered += estimate.low <= 0 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_rows_of_one_group_are_drawn_together() -> None:
    values = [float(group) for group in range(10) for _ in range(30)]
    groups = [group for group in range(10) for _ in range(30)]
    apart = bootstrap_mean(values, seed=3)
    together = bootstrap_mean(values, groups=groups, seed=3)
    assert (apart.n, together.n) == (300, 10)
    assert together.high - together.low > 4 * (apart.high - apart.low)


def test_the_general_form_agrees_with_the_fast_one() -> None:
    values = [float(n * n % 17) for n in range(40)]
    groups = [n % 8 for n in range(40)]
    slow = bootstrap(fmean, values, groups=groups, seed=5)
    fast = bootstrap_mean(values, groups=groups, seed=5)
    assert (slow.value, slow.low, slow.high) == pytest.approx((fast.value, fast.low, fast.high))
    assert (slow.n, slow.method) == (fast.n, fast.method)


def test_a_pair_is_compared_on_its_own_row() -> None:
    chance = random.Random(4)  # noqa: S311 - statistics
    hard = [chance.gauss(0, 10) for _ in range(100)]
    first = [value + 1 for value in hard]
    estimate = paired_bootstrap(first, hard, seed=1)
    assert estimate.value == pytest.approx(1)
    assert estimate.low > 0.99


def test_pairs_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_bootstrap([1.0], [], seed=1)


def test_draws_without_a_value_are_left_out() -> None:
    def share_of_positives(rows: Sequence[float]) -> float:
        return math.nan if min(rows) == max(rows) else fmean(rows)

    estimate = bootstrap(share_of_positives, [0.0, 0.0, 1.0], draws=500, seed=1)
    assert 0 < estimate.low <= estimate.high < 1


def test_no_rows_give_no_number() -> None:
    for estimate in (bootstrap_mean([], seed=1), bootstrap(fmean, [], seed=1)):
        assert math.isnan(estimate.value)
        assert estimate.n == 0


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [float(n) for n in range(20)]
    assert bootstrap_mean(values, seed=9) == bootstrap_mean(values, seed=9)
    assert bootstrap_mean(values, seed=9) != bootstrap_mean(values, seed=8)


def test_quantiles_agree_with_numpy() -> None:
    values = sorted([3.0, 1.5, 9.0, 4.0, 4.0, 7.25])
    for share in (0, 0.025, 0.5, 0.61, 0.975, 1):
        assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)))
