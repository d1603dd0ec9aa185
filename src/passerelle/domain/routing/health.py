"""Which targets are worth asking: a circuit breaker for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from passerelle.domain.routing.plans import Target

STRIKES = 5
"""Failures in a row that open a circuit."""
FIRST_REST_SECONDS = 2.0
"""How long an open circuit rests before one call may try it; doubles with each that fails."""
LONGEST_REST_SECONDS = 60.0
_NS = 1_000_000_000
_SMOOTHING = 0.1


class Circuit(StrEnum):
    """May a target be asked?"""

    CLOSED = "closed"
    """It answers, or has not failed often enough."""
    OPEN = "open"
    """It rests."""
    HALF_OPEN = "half_open"
    """One call tries it; the others go elsewhere until that has ended."""


_WORSE = (Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN)


@dataclass(slots=True)
class _Record:
    strikes: int = 0
    rests: int = 0
    open_until_ns: int = 0
    trying: bool = False
    calls: int = 0
    failures: int = 0
    latency_ns: float = 0.0
    last_failure: str = ""
    last_failure_ns: int = 0


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """How a target stands, for those who operate it."""

    target: Target
    circuit: Circuit
    calls: int
    """Since the process started."""
    failures: int
    latency_ms: float
    """Of successful calls: exponentially weighted, a tenth for each."""
    last_failure: str
    """Code; empty when there was none."""
    rests_seconds: float
    """Until an open circuit may be tried."""


class Health:
    """Remembers how calls ended. Targets are told apart by provider and model.

    Source: the circuit breaker of M. Nygard, Release It! (2nd ed.), §5.2; the rest
    grows as RFC 9110 lets clients back off, and `retry-after` of the provider
    counts where it says more.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def admits(self, target: Target, now_ns: int) -> bool:
        """May it be asked now? A rested circuit admits one call, and only that, until it ends."""
        record = self._records.get((target.provider, target.model))
        if record is None or not record.open_until_ns:
            return True
        if record.trying or now_ns < record.open_until_ns:
            return False
        record.trying = True
        return True

    def succeeded(self, target: Target, elapsed_ns: int) -> None:
        record = self._record(target)
        record.calls += 1
        weight = _SMOOTHING if record.latency_ns else 1.0
        record.latency_ns += weight * (elapsed_ns - record.latency_ns)
        if record.strikes or record.open_until_ns:
            record.strikes = record.rests = record.open_until_ns = 0
            record.trying = False

    def failed(
        self, target: Target, code: str, now_ns: int, *, retry_after_seconds: float | None = None
    ) -> None:
        """A failure of the target's own; what a caller did wrong is none."""
        record = self._record(target)
        record.calls += 1
        record.failures += 1
        record.strikes += 1
        record.last_failure, record.last_failure_ns = code, now_ns
        if retry_after_seconds is not None or record.strikes >= STRIKES or record.trying:
            rest = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2**record.rests)
            if retry_after_seconds is not None:
                rest = min(LONGEST_REST_SECONDS, max(retry_after_seconds, 0.001))
            record.rests += 1
            record.open_until_ns = now_ns + int(rest * _NS)
        record.trying = False

    def gave_up(self, target: Target) -> None:
        """The call says nothing of the target: its caller left, or asked wrongly."""
        self._record(target).trying = False

    def seconds_until_rested(self, targets: Iterable[Target], now_ns: int) -> float:
        """Until the first of them may be tried; 0 when one may be now."""
        waits = (self._record(target).open_until_ns - now_ns for target in targets)
        return max(0, min(waits, default=0)) / _NS

    @property
    def known(self) -> tuple[Target, ...]:
        """Targets that were asked since the process started."""
        return tuple(Target(provider, model) for provider, model in self._records)

    def standing(self, target: Target, now_ns: int) -> TargetHealth:
        record = self._records.get((target.provider, target.model), _Record())
        return TargetHealth(
            target,
            _circuit(record, now_ns),
            record.calls,
            record.failures,
            record.latency_ns / 1e6,
            record.last_failure,
            max(0.0, (record.open_until_ns - now_ns) / _NS),
        )

    def _record(self, target: Target) -> _Record:
        key = (target.provider, target.model)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
        return record


def _circuit(record: _Record, now_ns: int) -> Circuit:
    if not record.open_until_ns:
        return Circuit.CLOSED
    return Circuit.HALF_OPEN if record.trying or now_ns >= record.open_until_ns else Circuit.OPEN


def together(standings: Sequence[TargetHealth]) -> TargetHealth:
    """One target as several processes see it: the worst circuit, the sum of calls."""
    worst = max(standings, key=lambda each: (_WORSE.index(each.circuit), each.rests_seconds))
    failed = max(standings, key=lambda each: (bool(each.last_failure), each is worst))
    answered = [each.calls - each.failures for each in standings]
    spent = sum(each.latency_ms * n for each, n in zip(standings, answered, strict=True))
    return replace(
        worst,
        calls=sum(each.calls for each in standings),
        failures=sum(each.failures for each in standings),
        latency_ms=spent / sum(answered) if sum(answered) else 0.0,
        last_failure=failed.last_failure,
    )
