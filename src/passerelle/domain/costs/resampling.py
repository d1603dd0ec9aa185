"""How sure is a cost that was seen at a few users, or on a few days?"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

from passerelle.core.statistics.bootstrap import quantile
from passerelle.core.statistics.intervals import student_quantile
from passerelle.core.values.estimates import Estimate

Columns: TypeAlias = tuple[float, ...]

CONFIDENCE = 0.9
DRAWS = 2_000
MOST_UNITS = 200
"""Above it units are put together by chance: that changes no mean, costs little, and is quick."""
_FAR = math.log(1_000)
"""No draw leaves the observed value by more than this factor; only hopeless samples come near."""
_SMALLEST_ERROR = 0.1
"""Of the observed standard error: a draw of nearly equal units says nothing about the error."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Where the logarithm of a true ratio may lie, against that of the observed one."""

    draws: Sequence[float]
    error: float
    """Standard error of the logarithm."""
    units: int

    def noise(self, to_come: float) -> float:
        """Standard deviation that the mean over so many further units has about the truth.

        Student's t where the normal is too narrow for an error known from few units only.
        """
        if not self.units:
            return 0.0
        tail = 0.5 + CONFIDENCE / 2
        student = student_quantile(tail, self.units - 1) / NormalDist().inv_cdf(tail)
        return self.error * student * math.sqrt(self.units / to_come)


def deviations(
    rows: Sequence[Columns],
    ratios: Sequence[tuple[int, int]],
    *,
    draws: int,
    chance: random.Random,
) -> tuple[Deviation, ...]:
    """One deviation for each ratio (columns below and above the line) of sums over the rows.

    Rows are independent units, drawn whole and for all ratios together: at least two, with
    something above and below each line. Bootstrap-t on the logarithmic scale: each draw is
    weighed by its own error, which keeps the long upper tail of skewed costs that
    percentiles cut off.
    Source: Davison and Hinkley 1997, sections 3.8 (clusters) and 5.2 (studentised).
    """
    if len(rows) < 2:  # noqa: PLR2004 - one unit does not vary
        raise ValueError("one unit says nothing about how units vary")
    units = [
        tuple(product for ratio in ratios for product in _products(row, *ratio))
        for row in _at_most(rows, MOST_UNITS, chance)
    ]
    size = len(units)
    seen = _Moments.each(units, size)
    found: list[list[float]] = [[] for _ in ratios]
    for _ in range(draws):
        drawn = _Moments.each(chance.choices(units, k=size), size)
        for column, one, observed in zip(found, drawn, seen, strict=True):
            column.append(one.pivot(observed))
    return tuple(
        Deviation(column, observed.error, len(rows))
        for column, observed in zip(found, seen, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Moments:
    """Sums over a sample: what a ratio and its error are made of."""

    size: int
    below: float
    above: float
    above_squared: float
    product: float
    below_squared: float

    @classmethod
    def each(cls, units: Sequence[Columns], size: int) -> "list[_Moments]":
        sums = list(map(sum, zip(*units, strict=True)))
        return [cls(size, *sums[at : at + 5]) for at in range(0, len(sums), 5)]

    @property
    def error(self) -> float:
        """Standard error of log(above/below), linearised."""
        ratio = self.above / self.below
        squares = self.above_squared - 2 * ratio * self.product + ratio**2 * self.below_squared
        return math.sqrt(max(0.0, squares) * self.size / (self.size - 1)) / self.above

    def pivot(self, seen: "_Moments") -> float:
        """How far the truth lies from the observation if this draw is to it as it is to truth."""
        if not seen.error:
            return 0.0
        if self.above <= 0 or self.below <= 0:
            return _FAR
        log = math.log(self.above / self.below * seen.below / seen.above)
        scale = seen.error / max(self.error, _SMALLEST_ERROR * seen.error)
        return max(-_FAR, min(_FAR, -log * scale))


def _products(row: Columns, below: int, above: int) -> Columns:
    e, a = row[below], row[above]
    return e, a, a * a, a * e, e * e


def forecast(
    rows: Sequence[tuple[float, float]],
    *,
    to_come: float = math.inf,
    seed: int,
    draws: int = DRAWS,
) -> Estimate:
    """Amount per exposure, from rows of (exposure, amount), each an independent unit.

    The 90 % interval is for the mean over `to_come` further units like these, or for the
    long run. Fewer than two units give a value without an interval (NaN), no exposure gives
    NaN, and nothing but zeros gives zero.
    """
    exposure, amount = math.fsum(row[0] for row in rows), math.fsum(row[1] for row in rows)
    method = f"bootstrap-t of whole units {CONFIDENCE:.0%}, {draws} draws, seed {seed}"
    value = amount / exposure if exposure > 0 else math.nan
    if len(rows) < 2 or math.isnan(value):  # noqa: PLR2004 - one unit does not vary
        return Estimate(value, math.nan, math.nan, len(rows), method)
    if value == 0:
        return Estimate(0.0, 0.0, 0.0, len(rows), method)
    chance = random.Random(seed)  # noqa: S311 - statistics, and the seed is reported
    (found,) = deviations(rows, [(0, 1)], draws=draws, chance=chance)
    noise = found.noise(to_come)
    drawn = sorted(each + chance.gauss(0, noise) for each in found.draws)
    low, high = (value * math.exp(quantile(drawn, tail)) for tail in tails())
    return Estimate(value, low, high, len(rows), method)


def tails() -> tuple[float, float]:
    """Shares below the lower and below the upper end of an interval."""
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2


def shares_of_variance(
    parts: Sequence[Sequence[float]], *, method: str, batches: int = 10
) -> tuple[Estimate, ...]:
    """How much each part varies on its own, against the sum of all: adds up to 1.

    The interval (95 %) tells how far the number of draws decides, by batches of them.
    No variance at all gives zeros.
    """
    size = len(parts[0]) // batches
    whole = _shares(parts)
    split = [
        _shares([part[start : start + size] for part in parts])
        for start in range(0, size * batches, size)
    ]
    reach = student_quantile(0.975, batches - 1) / math.sqrt(batches - 1)
    found = []
    for number, share in enumerate(whole):
        seen = [shares[number] for shares in split]
        half = reach * math.sqrt(variance(seen))
        low, high = max(0.0, share - half), min(1.0, share + half)
        found.append(Estimate(share, low, high, len(parts[0]), method))
    return tuple(found)


def variance(values: Sequence[float]) -> float:
    """Mean square about the mean; several times faster than the standard library's exact one."""
    centre = math.fsum(values) / len(values)
    return math.fsum((value - centre) ** 2 for value in values) / len(values)


def _shares(parts: Sequence[Sequence[float]]) -> list[float]:
    each = [variance(part) for part in parts]
    whole = math.fsum(each)
    return [one / whole if whole > 0 else 0.0 for one in each]


def _at_most(rows: Sequence[Columns], most: int, chance: random.Random) -> list[Columns]:
    if len(rows) <= most:
        return list(rows)
    shuffled = chance.sample(rows, len(rows))
    return [tuple(map(sum, zip(*shuffled[start::most], strict=True))) for start in range(most)]


def effective_number(amounts: Sequence[float]) -> float:
    """How many equal parts would be as concentrated as these; 0 for nothing.

    Source: Kish 1965, the design effect of unequal weights.
    """
    squares = math.fsum(amount * amount for amount in amounts)
    return math.fsum(amounts) ** 2 / squares if squares else 0.0
