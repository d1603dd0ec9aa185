"""A person's word that an answer was not right."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.errors import InvalidRequest


class FlagReason(StrEnum):
    """What was wrong, in the flagger's view."""

    WRONG = "wrong"
    """The answer says something that is not so."""
    UNSUPPORTED = "unsupported"
    """The sources do not say what the answer says."""
    UNHELPFUL = "unhelpful"
    """Right perhaps, but no help: beside the point, incomplete, or refused without need."""
    UNSAFE = "unsafe"
    """It should not have been said: harmful, private or confidential."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; an exchange may have several."""

    id: str
    exchange_id: str
    reason: FlagReason
    comment: str
    """The flagger's own words; content, so it stays out of the ledger's facts and the logs."""
    principal: str
    """Id of the flagger."""
    at_ms: int
    organisation: str
    correction: str = ""
    """What should have been answered, in the flagger's view; content as the comment is."""


class FlagBox(Protocol):
    """Where flags are kept."""

    async def add(self, flag: Flag) -> None:
        """Keeps the flag; durable when this returns."""
        ...

    def get(self, flag_id: str, *, organisation: str) -> Flag | None:
        """None when the organisation has no such flag."""
        ...

    def list(
        self, *, organisation: str, limit: int = 50, exchange_id: str = ""
    ) -> tuple[Flag, ...]:
        """Flags of one organisation, newest first; of one exchange when it is named."""
        ...

    def flagged(self, exchange_ids: Iterable[str], *, organisation: str) -> frozenset[str]:
        """Which of these exchanges have a flag."""
        ...


LONGEST_COMMENT = 4_000
"""Characters."""


def checked_comment(comment: str) -> str:
    """The comment without white space around it; raises `InvalidRequest` when it is too long."""
    trimmed = comment.strip()
    if len(trimmed) > LONGEST_COMMENT:
        raise InvalidRequest(
            f"The comment has {len(trimmed):,} characters; {LONGEST_COMMENT:,} are kept.",
            param="comment",
        )
    return trimmed
