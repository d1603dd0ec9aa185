"""Figures as they are shown: never without their interval and sample size."""

import math

import msgspec

from passerelle.core.values import estimates


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its interval; null where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Independent units that it rests on."""
    method: str


def show_estimate(estimate: estimates.Estimate) -> Estimate:
    return Estimate(
        value=_finite(estimate.value),
        low=_finite(estimate.low),
        high=_finite(estimate.high),
        n=estimate.n,
        method=estimate.method,
    )


def show_known(estimate: estimates.Estimate | None) -> Estimate | None:
    """None stays None."""
    return None if estimate is None else show_estimate(estimate)


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
