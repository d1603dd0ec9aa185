"""How many calls may be sent twice?"""

from dataclasses import dataclass

from passerelle.domain.routing.plans import Hedge


@dataclass(slots=True)
class _Count:
    calls: int = 0
    hedges: int = 0


class Hedges:
    """Counts calls and second calls, so that the share of the latter stays below its cap."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def called(self, usecase: str) -> None:
        """One call is made that might be sent twice."""
        self._counts.setdefault(usecase, _Count()).calls += 1

    def may_send(self, usecase: str, hedge: Hedge) -> bool:
        """Counts a second call where the share allows one."""
        count = self._counts.setdefault(usecase, _Count())
        if count.hedges + 1 > hedge.most_share * count.calls:
            return False
        count.hedges += 1
        return True
