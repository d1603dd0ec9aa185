"""How much load was borne, and is it enough?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.estimates import Estimate

LOAD = "load"
"""Kind of the evidence."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class LoadBar:
    """What a use case must bear."""

    rps: float
    """Answers a second."""
    p99_ms: float
    """The upper bound of the 99th percentile must lie below."""
    failed_share: float
    seconds: float
    """A shorter run shows no queue that builds up."""


LOAD_BAR = LoadBar(rps=500, p99_ms=500, failed_share=0.001, seconds=10)


@dataclass(frozen=True, slots=True)
class LoadSeen:
    """What one open-loop run saw from outside."""

    offered: int
    """Requests that were due."""
    seconds: float
    """How long requests were offered."""
    latencies_ms: Sequence[float]
    """Of those answered with success, each from the moment at which it was due."""


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """A run in figures."""

    rps: float
    """Answered with success, for each second in which requests were offered."""
    p50_ms: Estimate
    p99_ms: Estimate
    offered: int
    failures: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.rps:,.1f} answers a second for {self.seconds:g} s, "
            f"p50 {_milliseconds(self.p50_ms)}, p99 {_milliseconds(self.p99_ms)}, "
            f"{self.failures:,} of {self.offered:,} failed"
        )


def figures_of(seen: LoadSeen) -> LoadFigures:
    """Percentiles are NaN when nothing was answered."""
    ordered = sorted(seen.latencies_ms)
    return LoadFigures(
        rps=len(ordered) / seen.seconds if seen.seconds > 0 else 0.0,
        p50_ms=percentile(ordered, 0.5),
        p99_ms=percentile(ordered, 0.99),
        offered=seen.offered,
        failures=seen.offered - len(ordered),
        seconds=seen.seconds,
    )


def percentile(ordered: Sequence[float], share: float) -> Estimate:
    """An order statistic with the order statistics around it as its interval.

    Takes the values as independent, which latencies of one run are only roughly:
    a busy moment slows neighbours together. With so few values that no order
    statistic bounds it from above, the bound is infinite; no values give NaN. Source: Conover 1999,
    section 3.2, large samples.
    """
    method = f"order statistics {CONFIDENCE:.0%}"
    n = len(ordered)
    if not n:
        return Estimate(math.nan, 0.0, math.inf, 0, method)
    half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * math.sqrt(n * share * (1 - share))
    value, low, high = (math.ceil(n * share + step) - 1 for step in (0, -half, half))
    return Estimate(
        value=ordered[max(0, value)],
        low=ordered[max(0, low)],
        high=ordered[high] if high < n else math.inf,
        n=n,
        method=method,
    )


def shortfalls(figures: LoadFigures, bar: LoadBar = LOAD_BAR) -> tuple[str, ...]:
    """What is not enough; empty when all is."""
    faults = []
    if figures.seconds < bar.seconds:
        faults.append(f"It must run for {bar.seconds:g} s at least.")
    if figures.rps < bar.rps:
        faults.append(f"{bar.rps:g} answers a second are needed.")
    if not figures.p99_ms.high < bar.p99_ms:
        faults.append(f"The upper bound of p99 must lie below {bar.p99_ms:g} ms.")
    if figures.failures > bar.failed_share * figures.offered:
        faults.append(f"At most {100 * bar.failed_share:g} % of the requests may fail.")
    return tuple(faults)


def load_facts(figures: LoadFigures) -> dict[str, JsonValue]:
    """As evidence keeps them; what is not a finite number becomes null."""
    return {
        "rps": figures.rps,
        "seconds": figures.seconds,
        "offered": figures.offered,
        "failures": figures.failures,
        "p50_ms": _estimate_facts(figures.p50_ms),
        "p99_ms": _estimate_facts(figures.p99_ms),
    }


def read_load(facts: Mapping[str, JsonValue]) -> LoadFigures | None:
    """None for what `load_facts` did not write."""
    rps, seconds = facts.get("rps"), facts.get("seconds")
    offered, failures = facts.get("offered"), facts.get("failures")
    p50, p99 = _estimate(facts.get("p50_ms")), _estimate(facts.get("p99_ms"))
    if not (isinstance(rps, int | float) and isinstance(seconds, int | float)):
        return None
    if not (isinstance(offered, int) and isinstance(failures, int) and p50 and p99):
        return None
    return LoadFigures(rps, p50, p99, offered, failures, seconds)


def _estimate_facts(estimate: Estimate) -> dict[str, JsonValue]:
    figures = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    finite: dict[str, JsonValue] = {
        name: figure if math.isfinite(figure) else None for name, figure in figures.items()
    }
    return finite | {"n": estimate.n, "method": estimate.method}


def _estimate(facts: JsonValue) -> Estimate | None:
    if not isinstance(facts, dict):
        return None
    n, method = facts.get("n"), facts.get("method")
    if not isinstance(n, int) or not isinstance(method, str):
        return None
    low, high = facts.get("low"), facts.get("high")
    value = facts.get("value")
    return Estimate(
        value=value if isinstance(value, int | float) else math.nan,
        low=low if isinstance(low, int | float) else math.nan,
        high=high if isinstance(high, int | float) else math.inf,
        n=n,
        method=method,
    )


def _milliseconds(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} ms [{estimate.low:.1f}, {estimate.high:.1f}] n = {estimate.n:,}"
