"""How often does what follows lie in the interval of a cost projection?"""

import csv
import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import NormalDist, median

from measurements.report import Cell, Report, Table
from passerelle.core.statistics.bootstrap import bootstrap
from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.chat import Usage
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.ids import digest_of
from passerelle.core.values.money import NANO
from passerelle.domain.costs.price_book import Price, Rate
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.costs.projection import project
from passerelle.domain.costs.resampling import CONFIDENCE, forecast
from passerelle.domain.costs.traffic import Row, Sample

SOURCES = (
    "Azure/AzurePublicDataset b469a113cedc (LLM inference trace 2023, code service)",
    "none for the last table: its users are simulated",
)
PRICE = Price(input=Rate(1 * NANO), output=Rate(4 * NANO))
"""1 USD and 4 USD for a million tokens."""
SPANS = ((10, 10), (10, 20), (20, 10), (20, 20))
"""(window seen, period projected), minutes."""
STEP_SECONDS = 60.0
BLOCKS = 10
REQUESTS = 500
SEED = 7
DRAWS = 2_000
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
MEANS_NOTE = (
    "Results of an earlier interval on this trace had been seen before the present one was chosen, "
    "by simulations alone. "
    "Cost of each request at 1 USD for a million input tokens and 4 USD for a million output "
    "tokens. A new origin every minute: the window before it is seen, the period after it is "
    "projected, and covered means that what came lies in the 90 % interval. `iid` takes every "
    "request for independent; `blocks` draws ten whole stretches (bootstrap-t). A spread stretch "
    "stands for its tenth of the window, so the period to come holds as many further units as it "
    "holds such tenths. Windows and periods of neighbouring origins overlap: the Wilson interval "
    "over all origins is far too narrow, so the last column counts only origins whose periods do "
    "not overlap. One hour of one service: it tells the intervals apart, not how well either "
    "does elsewhere. The interval was chosen on simulated worlds, not on this trace."
)
TOTALS_NOTE = (
    "As above, for the cost of the whole period, so that the number of requests is projected too. "
    "`iid` takes arrivals for a Poisson process. Seen is the whole window in ten tenths, or a "
    "fifth of its time: the last fifth in ten stretches, or a fifth of each tenth. Requests come "
    "in waves longer than a tenth of the window, so tenths that follow one another are alike and "
    "tell less than ten independent ones: no interval from within one window knows that."
)
WORLDS_NOTE = (
    "A month of 10,000 users projected from few users and days, in simulated worlds with known "
    "truth: rates of users log-normal (σ 1), days (σ 0.3), cost for each user (σ 0.5) and request "
    "(σ 1). `iid` multiplies the mean cost of a request with the requests seen. Each world is "
    "independent of the others; the interval was chosen on other worlds of this kind, so real "
    "users, who differ in other ways, may be covered less."
)


@dataclass(frozen=True, slots=True)
class Trace:
    seconds: tuple[float, ...]
    """Since the first request, ascending."""
    nano: tuple[int, ...]

    def between(self, start: float, end: float) -> tuple[int, ...]:
        """Costs of the requests from start to before end."""
        return self.nano[bisect_left(self.seconds, start) : bisect_left(self.seconds, end)]


@dataclass(frozen=True, slots=True)
class Trial:
    """One projection and what came."""

    interval: Estimate
    came: float

    @property
    def covered(self) -> bool:
        return self.interval.low <= self.came <= self.interval.high

    @property
    def width(self) -> float:
        """Of the interval, as a multiple of what came."""
        return (self.interval.high - self.interval.low) / self.came


def measure(data: Path) -> Report:
    trace = _read(data / "traces" / "azure_code.csv")
    columns = (
        "window → period, minutes",
        "seen",
        "interval",
        "coverage of 90 % (wilson 95 %)",
        "median width / what came (bootstrap 95 %)",
        "coverage, disjoint periods",
    )
    means, totals = [], []
    for window, period in SPANS:
        origins = list(_origins(trace, window * 60.0, period * 60.0))
        means += _lines(window, period, [_means(trace, *origin) for origin in origins])
        totals += _lines(window, period, [_totals(trace, *origin) for origin in origins])
    return Report(
        "projection",
        (
            Table(
                "Mean cost of a request in the following period", columns, tuple(means), MEANS_NOTE
            ),
            Table("Cost of the following period", columns, tuple(totals), TOTALS_NOTE),
            Table(
                "A month of 10,000 users, truth known",
                (
                    "users seen",
                    "days seen",
                    "interval",
                    "coverage of 90 % (wilson 95 %)",
                    columns[4],
                ),
                tuple(_worlds()),
                WORLDS_NOTE,
            ),
        ),
        SOURCES,
    )


def _read(file: Path) -> Trace:
    if not file.exists():
        raise SystemExit(
            "traces/azure_code.csv is not in the folder given with --data; "
            "docs/measurements.md names its source"
        )
    with file.open(encoding="utf-8", newline="") as lines:
        rows = sorted(
            (datetime.fromisoformat(row["TIMESTAMP"][:26]), _cost(row))
            for row in csv.DictReader(lines)
        )
    start = rows[0][0]
    return Trace(
        tuple((at - start).total_seconds() for at, _ in rows), tuple(nano for _, nano in rows)
    )


def _cost(row: dict[str, str]) -> int:
    return cost_nano(Usage(int(row["ContextTokens"]), int(row["GeneratedTokens"])), PRICE)


def _origins(trace: Trace, window: float, period: float) -> Iterator[tuple[float, float, float]]:
    """(origin, window, period) in seconds, wherever both fit and enough was asked in both."""
    at = window
    while at + period <= trace.seconds[-1]:
        enough = len(trace.between(at - window, at)) >= REQUESTS
        if enough and trace.between(at, at + period):
            yield at, window, period
        at += STEP_SECONDS


def _means(
    trace: Trace, origin: float, window: float, period: float
) -> dict[tuple[str, str], Trial]:
    """Trials by (what was seen, interval)."""
    seen, future = trace.between(origin - window, origin), trace.between(origin, origin + period)
    came = sum(future) / len(future)
    expected = len(seen) * period / window
    slots = period / (window / BLOCKS)
    each = REQUESTS // BLOCKS
    last = seen[-REQUESTS:]
    starts = [number * (len(seen) - each) // (BLOCKS - 1) for number in range(BLOCKS)]
    tenths = _stretches(trace, origin - window, window / BLOCKS, window / BLOCKS)
    designs = {
        f"{REQUESTS} in a row": (
            [last[start : start + each] for start in range(0, REQUESTS, each)],
            expected / each,
        ),
        f"{REQUESTS} in {BLOCKS} stretches, spread": (
            [seen[start : start + each] for start in starts],
            slots,
        ),
        "all of the window": ([tenth for tenth in tenths if tenth], slots),
    }
    found = {}
    for name, (blocks, to_come) in designs.items():
        costs = [cost for block in blocks for cost in block]
        rows = [(float(len(block)), float(sum(block))) for block in blocks]
        ours = forecast(rows, to_come=to_come, seed=SEED, draws=DRAWS)
        found[name, "iid"] = Trial(_naive_mean(costs, expected), came)
        found[name, "blocks"] = Trial(ours, came)
    return found


def _totals(
    trace: Trace, origin: float, window: float, period: float
) -> dict[tuple[str, str], Trial]:
    """Trials by (what was seen, interval)."""
    came = float(sum(trace.between(origin, origin + period)))
    tenth, short = window / BLOCKS, window / BLOCKS / 5
    start = origin - window
    designs = {
        "the last fifth of the window": (
            _stretches(trace, origin - window / 5, short, short),
            short,
        ),
        "a fifth of each tenth": (_stretches(trace, start, tenth, short), tenth),
        "all of the window": (_stretches(trace, start, tenth, tenth), tenth),
    }
    found = {}
    for name, (blocks, unit) in designs.items():
        length = tenth if name == "all of the window" else short
        rows = [(length, float(sum(block))) for block in blocks]
        ours = forecast(rows, to_come=period / unit, seed=SEED, draws=DRAWS)
        costs = [cost for block in blocks for cost in block]
        naive = _naive_total(costs, period / (length * BLOCKS))
        found[name, "iid"] = Trial(naive, came)
        found[name, "blocks"] = Trial(_times(ours, period), came)
    return found


def _stretches(trace: Trace, start: float, step: float, length: float) -> list[tuple[int, ...]]:
    """Ten stretches of so many seconds, one in each step."""
    starts = [start + number * step for number in range(BLOCKS)]
    return [trace.between(at, at + length) for at in starts]


def _naive_mean(costs: Sequence[int], to_come: float) -> Estimate:
    n = len(costs)
    mean = sum(costs) / n
    deviation = math.sqrt(sum((cost - mean) ** 2 for cost in costs) / (n - 1))
    half = Z * deviation * math.sqrt(1 / n + 1 / to_come)
    return Estimate(mean, mean - half, mean + half, n, "normal 90%, iid")


def _naive_total(costs: Sequence[int], times: float) -> Estimate:
    total = sum(costs) * times
    half = Z * math.sqrt(sum(cost * cost for cost in costs) * (times * times + times))
    return Estimate(total, total - half, total + half, len(costs), "normal 90%, Poisson")


def _times(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(
        estimate.value * factor,
        estimate.low * factor,
        estimate.high * factor,
        estimate.n,
        estimate.method,
    )


def _lines(
    window: int, period: int, trials: Sequence[dict[tuple[str, str], Trial]]
) -> list[tuple[Cell, ...]]:
    apart = round(period * 60 / STEP_SECONDS)
    lines: list[tuple[Cell, ...]] = []
    for name, interval in trials[0]:
        column = [trial[name, interval] for trial in trials]
        lines.append(
            (
                f"{window} → {period}",
                name,
                interval,
                _coverage(column),
                _width(column),
                _coverage(column[::apart]),
            )
        )
    return lines


def _coverage(trials: Sequence[Trial]) -> Estimate:
    return wilson(sum(trial.covered for trial in trials), len(trials))


def _width(trials: Sequence[Trial]) -> Estimate:
    return bootstrap(median, [trial.width for trial in trials], seed=SEED)


WORLDS = 200
FIRST_WORLD = 10_000
"""Worlds below it were looked at while the interval was made."""
WORLD_DRAWS = 500
USERS = 10_000
MONTH = 30


def _worlds() -> list[tuple[Cell, ...]]:
    lines: list[tuple[Cell, ...]] = []
    for users, days in ((8, 6), (15, 10), (30, 20), (100, 28)):
        trials = [_world(random.Random(FIRST_WORLD + seed), users, days) for seed in range(WORLDS)]
        for interval in ("iid", "users and days"):
            column = [trial[interval] for trial in trials]
            lines.append((users, days, interval, _coverage(column), _width(column)))
    return lines


def _world(chance: random.Random, users: int, days: int) -> dict[str, Trial]:
    """One sample, both projections of a month, and a month of the same world."""
    per_day, of_users, of_days, of_costs, of_requests = 2.0, 1.0, 0.3, 0.5, 1.0
    rates = [chance.lognormvariate(0, of_users) for _ in range(users)]
    dear = [chance.lognormvariate(0, of_costs) for _ in range(users)]
    busy = [chance.lognormvariate(0, of_days) for _ in range(days)]
    cells = {
        (user, day): [
            round(1e6 * dear[user] * chance.lognormvariate(0, of_requests))
            for _ in range(_poisson(chance, per_day * rates[user] * busy[day]))
        ]
        for user in range(users)
        for day in range(days)
    }
    month = sum(chance.lognormvariate(0, of_days) for _ in range(MONTH))
    long_run = math.exp((of_users**2 + of_costs**2 + of_requests**2) / 2)
    came = USERS * month * per_day * 1e6 * long_run
    costs = [cost for cell in cells.values() for cost in cell]
    ours = project(
        _sample(cells, users, days), users=USERS, seed=SEED, days=MONTH, draws=WORLD_DRAWS
    )
    naive = _times(_naive_mean(costs, math.inf), len(costs) * USERS * MONTH / users / days)
    if ours.month is None:
        raise ValueError("a world of one user or one day")
    return {"iid": Trial(naive, came), "users and days": Trial(ours.month, came)}


def _sample(cells: dict[tuple[int, int], list[int]], users: int, days: int) -> Sample:
    def row(user_days: int, found: Sequence[list[int]]) -> Row:
        requests = sum(map(len, found))
        return Row(user_days, len(found), requests, requests, sum(map(sum, found)))

    seen = {key: cell for key, cell in cells.items() if cell}
    active = sorted({user for user, _ in seen})
    return Sample(
        users=tuple(
            row(days, [cell for (user, _), cell in seen.items() if user == one]) for one in active
        ),
        blocks=tuple(
            row(len(active), [cell for (_, day), cell in seen.items() if day == one])
            for one in range(days)
        ),
        days=days,
        block_days=1,
        digest=digest_of([users, days]),
    )


def _poisson(chance: random.Random, mean: float) -> int:
    """By counting exponential gaps."""
    count, left = 0, mean - chance.expovariate(1.0)
    while left > 0:
        count, left = count + 1, left - chance.expovariate(1.0)
    return count
