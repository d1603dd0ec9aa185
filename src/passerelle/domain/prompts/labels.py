"""Which version of a prompt is in place at which stage, and how it came there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.errors import InvalidRequest, Refusal
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage

LONGEST_REASON = 1_000
"""Characters."""


class LabelMoved(Refusal):
    """Somebody else moved the label meanwhile."""

    status = 409
    code = "label_moved"
    kind = "invalid_request_error"


class Ground(StrEnum):
    """Why a label may move."""

    COMPARED = "compared"
    """A paired comparison with the version in place broke nothing."""
    ROLLED_BACK = "rolled_back"
    """Back to the version before: always allowed."""


@dataclass(frozen=True, slots=True)
class Label:
    """The version in place at one stage from one moment on; never changed, only followed."""

    id: str
    usecase: str
    organisation: str
    stage: Stage
    version: Digest
    """Of the prompt's content."""
    name: str
    """What the version's file was called, such as `v2`."""
    ground: Ground
    at_ms: int
    by: str
    """Id of the principal who moved it."""
    reason: str = ""
    """In their own words."""


@dataclass(frozen=True, slots=True)
class Warrant:
    """Proof that a label may move. Made by the promotion story only; moving takes one."""

    label: Label
    replaces: Digest | None
    """The version that the book must still name; None where nobody has moved the label yet."""


class LabelBook(Protocol):
    """Where moves are kept: the last one says what is in place."""

    @property
    def revision(self) -> int:
        """Changes when a label moves: at once here, within a second in other processes."""
        ...

    def current(self, usecase: str, stage: Stage, *, organisation: str) -> Label | None:
        """None when nobody moved it: then the use case's file says."""
        ...

    def history(self, usecase: str, stage: Stage, *, organisation: str) -> tuple[Label, ...]:
        """Last move first, whatever their times say."""
        ...

    async def move(self, warrant: Warrant) -> None:
        """Keeps the warrant's label; durable when this returns.

        Raises `LabelMoved`, and keeps nothing, when another version is in place
        than the one that the warrant replaces.
        """
        ...


def promoted(history: Sequence[Label]) -> tuple[Label, ...]:
    """Promotions that no roll-back has undone, oldest first: the last of them is in place.

    The history as a book gives it, last move first. Empty when the version of
    the use case's file is in place.
    """
    standing: list[Label] = []
    for label in reversed(history):
        if label.ground is Ground.COMPARED:
            standing.append(label)
        elif standing:
            standing.pop()
    return tuple(standing)


def checked_reason(reason: str) -> str:
    """The text without white space around it; raises `InvalidRequest` when it is too long."""
    trimmed = reason.strip()
    if len(trimmed) > LONGEST_REASON:
        message = f"The reason has {len(trimmed):,} characters; {LONGEST_REASON:,} are kept."
        raise InvalidRequest(message, param="reason")
    return trimmed
