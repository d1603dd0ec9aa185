import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]
from scipy.stats import t as student

from passerelle.core.statistics.intervals import clopper_pearson, student_quantile, wilson

CASES = [(0, 1), (1, 1), (0, 20), (20, 20), (3, 10), (7, 9), (481, 1000), (2, 100_000)]


@pytest.mark.parametrize(("successes", "n"), CASES)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_intervals_agree_with_scipy(successes: int, n: int, confidence: float) -> None:
    test = binomtest(successes, n)
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        estimate = ours(successes, n, confidence)
        oracle = test.proportion_ci(confidence, method)
        assert estimate.value == successes / n
        assert (estimate.low, estimate.high) == pytest.approx(
            (oracle.low, oracle.high), rel=1e-9, abs=1e-12
        )


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263.
    estimate = wilson(81, 263)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (0.2553, 0.3662)


def test_nothing_seen_means_nothing_known() -> None:
    for interval in (wilson, clopper_pearson):
        estimate = interval(0, 0)
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high, estimate.n) == (0, 1, 0)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="successes"):
            interval(successes, n)


@settings(max_examples=60)
@given(st.integers(1, 3000), st.floats(0, 1))
def test_the_exact_interval_holds_the_share(n: int, share: float) -> None:
    successes = round(share * n)
    with warnings.catch_warnings():
        estimate = clopper_pearson(successes, n)
    assert 0 <= estimate.low <= successes / n <= estimate.high <= 1


@pytest.mark.parametrize("degrees", [1, 2, 3, 9, 29, 199, 10_000])
@pytest.mark.parametrize("probability", [0.025, 0.1, 0.5, 0.75, 0.95, 0.995])
def test_quantile_of_students_t_agrees_with_scipy(probability: float, degrees: int) -> None:
    oracle = student.ppf(probability, degrees)
    assert student_quantile(probability, degrees) == pytest.approx(oracle, rel=1e-7, abs=1e-6)
