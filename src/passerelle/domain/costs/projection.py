"""What will a month cost with more users? Resampled from what was seen, whole users and days."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from passerelle.core.statistics.bootstrap import quantile
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.money import Money
from passerelle.domain.costs.resampling import (
    DRAWS,
    deviations,
    shares_of_variance,
    tails,
    variance,
)
from passerelle.domain.costs.samples import Caution, cautions
from passerelle.domain.costs.traffic import Row, Sample

DAYS_OF_MONTH = 30
INPUTS = ("active share of users", "requests per active user and day", "cost per request")
CHANCE = "chance of the month"
_RATIOS = ((0, 1), (1, 2), (3, 4), (0, 4))
"""Columns of a row: what each input is a ratio of, then the bill for a user and day."""
SOURCES = ("which users were seen", "which days were seen", CHANCE)


class NothingToProject(InvalidRequest):
    """There is nothing yet to project costs from."""

    code = "nothing_to_project"


@dataclass(frozen=True, slots=True)
class Driver:
    """One thing that makes the projection wide."""

    name: str
    share: Estimate
    """Of the variance of log cost when this varies alone; the shares of one list add up to 1."""
    value: Estimate | None = None
    """What was seen, where it is a quantity: a share, requests, or nano-USD."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A month with so many users who use it as those seen did. Money is nano-USD."""

    users: int
    days: int
    p10: Money | None
    """None, as P90, while fewer than two users or two days were seen."""
    p50: Money
    p90: Money | None
    month: Estimate | None
    """P50 with P5 and P95: nano-USD; `n` counts the users seen. None where P10 is."""
    inputs: tuple[Driver, ...]
    """What the bill is a product of, and the chance of one month; widest first."""
    sources: tuple[Driver, ...]
    """Where the width comes from: what more sampling would narrow; widest first."""
    cautions: tuple[Caution, ...]
    sample: Row
    users_seen: int
    days_seen: int
    seed: int
    draws: int
    digest: Digest
    """Of the sample and every parameter: the same digest gives the same projection."""


@dataclass(frozen=True, slots=True)
class _Draws:
    """Logarithms against what was seen, one for each draw."""

    inputs: tuple[Sequence[float], ...]
    """Active share, requests, cost: each as users and days make it vary."""
    sources: tuple[Sequence[float], ...]
    """The bill as users, days and the month's own chance make it vary."""


def project(
    sample: Sample, *, users: int, seed: int, days: int = DAYS_OF_MONTH, draws: int = DRAWS
) -> Projection:
    """Projects a month from a sample of whole days.

    Cost = users × days × active share × requests per active user and day × cost per request.
    Users and blocks of days are resampled apart, each whole, with all that they did; their
    deviations are added on the logarithmic scale, which counts what belongs to one user on
    one day twice: rather too wide than too narrow. The month's own chance is added. Requests
    without a price count as requests, not as cost.
    Raises `NothingToProject` without any request of known price, `InvalidRequest` for no users.
    Source: Owen 2007 (resampling rows and columns apart), Annals of Applied Statistics 1(2).
    """
    if users < 1 or days < 1:
        raise InvalidRequest("A projection needs at least one user and one day.")
    if not sample.blocks or not sample.whole.priced:
        raise NothingToProject("Let people ask first, with a model whose price is known.")
    seen = _inputs(sample.whole)
    expected = users * days * math.prod(seen)
    n, method = len(sample.users), f"bootstrap-t of users and days, {draws} draws, seed {seed}"
    varies = min(n, len(sample.blocks)) > 1 and expected > 0
    found = _draw(sample, users=users, days=days, draws=draws, seed=seed) if varies else None
    logs = sorted(_summed(found.sources)) if found else [0.0]
    p5, p10, p50, p90, p95 = (
        expected * math.exp(quantile(logs, share)) for share in (0.05, 0.1, 0.5, 0.9, 0.95)
    )
    known = found is not None or expected == 0
    return Projection(
        users=users,
        days=days,
        p10=Money(round(p10)) if known else None,
        p50=Money(round(p50)),
        p90=Money(round(p90)) if known else None,
        month=Estimate(p50, p5, p95, n, f"{method}, 90%") if known else None,
        inputs=_input_drivers(found, seen, n, method) if found else (),
        sources=_drivers(SOURCES, found.sources, method) if found else (),
        cautions=cautions(
            sample,
            users=users,
            user_variance=variance(found.sources[0]) if found else 0.0,
            block_variance=variance(found.sources[1]) if found else 0.0,
        ),
        sample=sample.whole,
        users_seen=n,
        days_seen=sample.days,
        seed=seed,
        draws=draws,
        digest=digest_of([sample.digest, users, days, seed, draws]),
    )


def _inputs(row: Sequence[float]) -> tuple[float, float, float]:
    user_days, active_days, requests, priced, cost = row
    return active_days / user_days, requests / active_days, cost / priced


def _draw(sample: Sample, *, users: int, days: int, draws: int, seed: int) -> _Draws:
    chance = random.Random(seed)  # noqa: S311 - statistics, and the seed is reported
    *user_inputs, user_bill = deviations(sample.users, _RATIOS, draws=draws, chance=chance)
    *block_inputs, block_bill = deviations(sample.blocks, _RATIOS, draws=draws, chance=chance)
    noise = math.hypot(user_bill.noise(users), block_bill.noise(days / sample.block_days))
    month = [chance.gauss(0, noise) for _ in range(draws)]
    return _Draws(
        inputs=tuple(
            _summed((of_users.draws, of_blocks.draws))
            for of_users, of_blocks in zip(user_inputs, block_inputs, strict=True)
        ),
        sources=(user_bill.draws, block_bill.draws, month),
    )


def _input_drivers(found: _Draws, seen: Sequence[float], n: int, method: str) -> tuple[Driver, ...]:
    values = {
        name: _observed(value, drawn, n, method)
        for name, value, drawn in zip(INPUTS, seen, found.inputs, strict=True)
    }
    return _drivers((*INPUTS, CHANCE), (*found.inputs, found.sources[-1]), method, values)


def _observed(value: float, logs: Sequence[float], n: int, method: str) -> Estimate:
    drawn = sorted(logs)
    low, high = (value * math.exp(quantile(drawn, tail)) for tail in tails())
    return Estimate(value, low, high, n, method)


def _drivers(
    names: Sequence[str],
    parts: Sequence[Sequence[float]],
    method: str,
    values: Mapping[str, Estimate] = MappingProxyType({}),
) -> tuple[Driver, ...]:
    shares = shares_of_variance(parts, method=f"one at a time, {method}")
    found = [
        Driver(name, share, values.get(name)) for name, share in zip(names, shares, strict=True)
    ]
    return tuple(sorted(found, key=lambda driver: -driver.share.value))


def _summed(columns: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(row) for row in zip(*columns, strict=True)]
