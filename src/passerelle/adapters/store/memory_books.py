"""Moves, signatures and evidence in memory: each only ever added to."""

from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from passerelle.core.values.evidence import Evidence
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import Label, LabelMoved, Warrant
from passerelle.domain.readiness.signoffs import Signoff
from passerelle.domain.usecases.stages import StageMove, StageMoved

Key: TypeAlias = tuple[str, ...]
Move = TypeVar("Move")


class Histories(Generic[Move]):
    """Moves by what they move, in the order in which they came."""

    def __init__(self) -> None:
        self._moves: dict[Key, list[Move]] = {}
        self.revision = 0
        """Grows with every move."""

    def add(self, key: Key, move: Move, revision: int | None = None) -> None:
        self._moves.setdefault(key, []).append(move)
        self.revision = self.revision + 1 if revision is None else revision

    def last(self, key: Key) -> Move | None:
        found = self._moves.get(key)
        return found[-1] if found else None

    def newest_first(self, key: Key) -> tuple[Move, ...]:
        return tuple(reversed(self._moves.get(key, ())))


class MemoryLabelBook:
    """Prompt labels without a disk."""

    def __init__(self) -> None:
        self._histories: Histories[Label] = Histories()

    @property
    def revision(self) -> int:
        return self._histories.revision

    def current(self, usecase: str, stage: Stage, *, organisation: str) -> Label | None:
        return self._histories.last((organisation, usecase, stage))

    def history(self, usecase: str, stage: Stage, *, organisation: str) -> tuple[Label, ...]:
        return self._histories.newest_first((organisation, usecase, stage))

    async def move(self, warrant: Warrant) -> None:
        key = label_key(warrant.label)
        last = self._histories.last(key)
        refuse_moved_label(warrant, last.version if last else None)
        self._histories.add(key, warrant.label)


class MemoryStageBook:
    """Moves of use cases without a disk."""

    def __init__(self) -> None:
        self._histories: Histories[StageMove] = Histories()

    @property
    def revision(self) -> int:
        return self._histories.revision

    def current(self, usecase: str, *, organisation: str) -> Stage | None:
        last = self._histories.last((organisation, usecase))
        return last.to if last else None

    def history(self, usecase: str, *, organisation: str) -> tuple[StageMove, ...]:
        return self._histories.newest_first((organisation, usecase))

    async def move(self, move: StageMove) -> None:
        key = stage_key(move)
        last = self._histories.last(key)
        refuse_moved_stage(move, last.to if last else None)
        self._histories.add(key, move)


class MemorySignoffBook:
    """Signatures without a disk."""

    def __init__(self) -> None:
        self._signoffs: list[Signoff] = []

    async def add(self, signoff: Signoff) -> None:
        self._signoffs.append(signoff)

    def list(self, usecase: str, *, organisation: str) -> tuple[Signoff, ...]:
        return tuple(
            signoff
            for signoff in reversed(self._signoffs)
            if (signoff.organisation, signoff.usecase) == (organisation, usecase)
        )


class MemoryEvidenceBox:
    """Evidence without a disk."""

    def __init__(self) -> None:
        self._evidence: list[Evidence] = []

    async def add(self, evidence: Evidence) -> None:
        self._evidence.append(evidence)

    def latest(self, usecase: str, kind: str, *, organisation: str) -> Evidence | None:
        found = self.list(usecase, organisation=organisation, kind=kind, limit=1)
        return found[0] if found else None

    def list(
        self, usecase: str, *, organisation: str, kind: str = "", limit: int = 50
    ) -> tuple[Evidence, ...]:
        found = (
            evidence
            for evidence in reversed(self._evidence)
            if (evidence.organisation, evidence.usecase) == (organisation, usecase)
            and kind in ("", evidence.kind)
        )
        return tuple(islice(found, limit))


def label_key(label: Label) -> Key:
    return label.organisation, label.usecase, label.stage


def stage_key(move: StageMove) -> Key:
    return move.organisation, move.usecase


def refuse_moved_label(warrant: Warrant, in_place: str | None) -> None:
    """Raises `LabelMoved` when the version in place is not the one that was looked at."""
    if in_place != warrant.replaces:
        raise LabelMoved("Look at what is in place now, then try again.")


def refuse_moved_stage(move: StageMove, current: str | None) -> None:
    """Raises `StageMoved` when the use case is not where the move begins."""
    if current is not None and current != move.before:
        raise StageMoved(f"It is at {current} now.")
