"""A number that knows how sure it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval and sample size: what reports print, never a bare number."""

    value: float
    low: float
    high: float
    n: int
    """Independent units: rows, or groups where rows depend on one another."""
    method: str
    """Such as `wilson 95 %` or `bootstrap 95 %, 2000 draws, seed 7`."""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"
