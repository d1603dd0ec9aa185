"""From stage to stage: what may follow what, and who moved it."""

from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.errors import Refusal
from passerelle.core.values.scope import Stage

NEXT = {
    Stage.POC: Stage.PILOT,
    Stage.PILOT: Stage.LIMITED,
    Stage.LIMITED: Stage.PRODUCTION,
}
"""Forward goes one stage at a time: each is where the next one is learnt."""
_ORDER = tuple(Stage)


class ImpossibleMove(Refusal):
    """A use case cannot go from this stage to that one."""

    status = 409
    code = "impossible_move"
    kind = "invalid_request_error"


class StageMoved(Refusal):
    """Somebody else moved the use case to another stage meanwhile."""

    status = 409
    code = "stage_moved"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class StageMove:
    """One step of a use case between stages."""

    id: str
    usecase: str
    organisation: str
    before: Stage
    to: Stage
    reason: str
    by: str
    """Id of the principal who moved it."""
    at_ms: int


class StageBook(Protocol):
    """Where moves are kept: the last one says where a use case is."""

    @property
    def revision(self) -> int:
        """Changes when a use case moves: at once here, within a second in other processes."""
        ...

    def current(self, usecase: str, *, organisation: str) -> Stage | None:
        """Where the last move left it; None when nobody moved it: then its file says."""
        ...

    def history(self, usecase: str, *, organisation: str) -> tuple[StageMove, ...]:
        """Last move first, whatever their times say."""
        ...

    async def move(self, move: StageMove) -> None:
        """Keeps it; durable when this returns.

        Raises `StageMoved`, and keeps nothing, when the last move did not lead to
        where this one begins.
        """
        ...


def is_demotion(before: Stage, to: Stage) -> bool:
    """Back to an earlier stage, or retired: always allowed, for it takes risk away."""
    if before is Stage.RETIRED:
        return False
    return to is Stage.RETIRED or _ORDER.index(to) < _ORDER.index(before)


def check_move(before: Stage, to: Stage) -> None:
    """Raises `ImpossibleMove` for everything but one stage forward, any back, or retired."""
    if before is to:
        raise ImpossibleMove(f"It is at {before} already.")
    if before is Stage.RETIRED:
        raise ImpossibleMove("It is retired for good: make a new use case out of its files.")
    if not is_demotion(before, to) and NEXT.get(before) is not to:
        raise ImpossibleMove(f"From {before} it can go to {NEXT[before]}.")
