"""Intervals by drawing again from what was seen."""

import math
import random
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from passerelle.core.values.estimates import Estimate

Row = TypeVar("Row")
CONFIDENCE = 0.95


def bootstrap(
    statistic: Callable[[Sequence[Row]], float],
    rows: Sequence[Row],
    *,
    groups: Sequence[Hashable] | None = None,
    draws: int = 2000,
    seed: int,
) -> Estimate:
    """Percentile interval (95 %) of any statistic of the rows.

    Rows of one group are drawn together: give `groups` (one for each row) where rows
    depend on one another; `n` of the estimate counts groups then. Draws in which the
    statistic is NaN (such as an AUROC of one class) are left out; no rows give NaN.
    Source: Efron and Tibshirani 1993, chapter 13; Davison and Hinkley 1997, section 3.8
    (resampling of whole clusters).
    """
    blocks = _blocks(rows, groups)
    value = statistic(rows) if rows else math.nan
    drawn = [] if math.isnan(value) else list(_drawn(statistic, blocks, draws, seed))
    return _estimate(value, drawn, len(blocks), f"{draws} draws, seed {seed}")


def bootstrap_mean(
    values: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    draws: int = 2000,
    seed: int,
) -> Estimate:
    """`bootstrap` of the mean over rows, several times faster."""
    sums = [(math.fsum(block), len(block)) for block in _blocks(values, groups)]
    value = math.fsum(values) / len(values) if values else math.nan
    chance = random.Random(seed)  # noqa: S311 - statistics, and the seed is reported
    drawn = []
    for _ in range(draws if sums else 0):
        sample = chance.choices(sums, k=len(sums))
        drawn.append(sum(total for total, _ in sample) / sum(count for _, count in sample))
    return _estimate(value, drawn, len(sums), f"{draws} draws, seed {seed}")


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    draws: int = 2000,
    seed: int,
) -> Estimate:
    """Mean of first − second on the same rows; an interval without 0 is a real difference."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return bootstrap_mean(differences, groups=groups, draws=draws, seed=seed)


def _blocks(rows: Sequence[Row], groups: Sequence[Hashable] | None) -> list[list[Row]]:
    if groups is None:
        return [[row] for row in rows]
    blocks: dict[Hashable, list[Row]] = {}
    for row, group in zip(rows, groups, strict=True):
        blocks.setdefault(group, []).append(row)
    return list(blocks.values())


def _drawn(
    statistic: Callable[[Sequence[Row]], float], blocks: list[list[Row]], draws: int, seed: int
) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 - statistics, and the seed is reported
    found = []
    for _ in range(draws):
        sample = [row for block in chance.choices(blocks, k=len(blocks)) for row in block]
        value = statistic(sample)
        if not math.isnan(value):
            found.append(value)
    return found


def _estimate(value: float, drawn: list[float], n: int, how: str) -> Estimate:
    method = f"bootstrap {CONFIDENCE:.0%}, {how}"
    if not drawn:
        return Estimate(value, math.nan, math.nan, n, method)
    drawn.sort()
    tail = (1 - CONFIDENCE) / 2
    return Estimate(value, quantile(drawn, tail), quantile(drawn, 1 - tail), n, method)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between neighbours, as numpy's default; the values must be sorted."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
