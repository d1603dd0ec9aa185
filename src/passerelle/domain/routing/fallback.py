"""Whom to ask next, when a target has failed."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from passerelle.domain.routing.health import Health
from passerelle.domain.routing.plans import Plan, Target
from passerelle.domain.routing.providers import (
    Inexpressible,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
)

FIRST_WAIT_SECONDS = 0.25
"""Before the second attempt at a target; doubles with each further one."""


class Step(NamedTuple):
    """One attempt that may be made."""

    target: Target
    wait_seconds: float = 0.0
    """Before it is made."""


class Itinerary:
    """The attempts of one call: the first and its peers by weight, then the fallbacks.

    A target is asked again `retries` times before the next one, unless asking again
    cannot help. `chance` is a number from 0 to 1, drawn once for each call.
    """

    def __init__(self, plan: Plan, health: Health, *, chance: float) -> None:
        self._health = health
        self._retries = plan.retries
        self._ahead: deque[Target] = deque((*_drawn(plan, chance), *plan.fallbacks))
        self._attempts_here = 0

    def next(self, now_ns: int, after: ProviderFailed | None = None) -> Step | None:
        """None when nobody is left, or when the failure was the caller's own."""
        if isinstance(after, ProviderRefused) and not isinstance(after, Inexpressible):
            return None
        if after is not None and self._attempts_here:
            again = self._again(after)
            if again is not None:
                return again
            self._leave()
        while self._ahead and not self._health.admits(self._ahead[0], now_ns):
            self._leave()
        if not self._ahead:
            return None
        self._attempts_here += 1
        return Step(self._ahead[0])

    def beside(self, now_ns: int) -> Target | None:
        """Another target, to race the one that is asked now; it is not asked a second time."""
        for target in tuple(self._ahead)[1:]:
            if self._health.admits(target, now_ns):
                self._ahead.remove(target)
                return target
        return None

    def _again(self, after: ProviderFailed) -> Step | None:
        hopeless = isinstance(after, ProviderMisconfigured | Inexpressible)
        if hopeless or self._attempts_here > self._retries:
            return None
        wait = FIRST_WAIT_SECONDS * 2 ** (self._attempts_here - 1)
        if isinstance(after, ProviderOverloaded) and after.retry_after_seconds is not None:
            if len(self._ahead) > 1:
                return None  # somebody else is free now
            wait = after.retry_after_seconds
        self._attempts_here += 1
        return Step(self._ahead[0], wait)

    def _leave(self) -> None:
        self._ahead.popleft()
        self._attempts_here = 0


def _drawn(plan: Plan, chance: float) -> Sequence[Target]:
    """The first and its peers: one by weight, then the others in the order of the file."""
    if not plan.peers:
        return (plan.target,)
    among = [plan.target, *plan.peers]
    mark = chance * sum(target.weight for target in among)
    for place, target in enumerate(among):
        mark -= target.weight
        if mark < 0:
            return (target, *among[:place], *among[place + 1 :])
    return among
