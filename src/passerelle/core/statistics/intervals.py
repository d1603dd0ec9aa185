"""Intervals for shares, and the quantiles that intervals of means are made of."""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

from passerelle.core.values.estimates import Estimate

_STEPS = 200
_TINY = 1e-300
_CLOSE = 1e-15


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Score interval of a share; n = 0 gives NaN with the interval [0, 1].

    Source: Wilson 1927, without continuity correction.
    """
    method = f"wilson {confidence:.0%}"
    _check(successes, n)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, method)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(share, low, high, n, method)


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Exact interval of a share: it covers at least as often as it says.

    n = 0 gives NaN with the interval [0, 1]. Source: Clopper and Pearson 1934.
    """
    method = f"clopper-pearson {confidence:.0%}"
    _check(successes, n)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, method)
    tail = (1 - confidence) / 2
    failures = n - successes
    low = 0.0 if successes == 0 else _beta_quantile(tail, successes, failures + 1)
    high = 1.0 if failures == 0 else _beta_quantile(1 - tail, successes + 1, failures)
    return Estimate(successes / n, low, high, n, method)


@lru_cache(maxsize=1024)
def student_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; as precise as the incomplete beta function, about 1e-9."""
    if probability < 0.5:  # noqa: PLR2004 - the middle
        return -student_quantile(1 - probability, degrees)
    if probability == 0.5:  # noqa: PLR2004 - the middle
        return 0.0
    x = _beta_quantile(2 * (1 - probability), degrees / 2, 0.5)
    return math.sqrt(degrees * (1 - x) / x)


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")


def _beta_quantile(probability: float, a: float, b: float) -> float:
    return _root(lambda x: _beta_share(x, a, b) - probability)


def _root(increasing: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if high - low < _CLOSE:
            break
        low, high = (middle, high) if increasing(middle) < 0 else (low, middle)
    return (low + high) / 2


def _beta_share(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function. Source: Press et al., Numerical Recipes, 6.4."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function by Lentz's method."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 10 * _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
