"""What a person found who looked at a flag: what went wrong, and what would have been right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.errors import InvalidRequest

LONGEST_CORRECTION = 8_000
"""Characters."""
MOST_DOCUMENTS = 20


class Cause(StrEnum):
    """Why the answer was as it was; decides who has to act."""

    RETRIEVAL = "retrieval"
    """The documents say it, and it was not found."""
    KNOWLEDGE_MISSING = "knowledge_missing"
    """No document says it."""
    WORDING = "wording"
    """It was found, and the prompt made too little of it."""
    GUARD = "guard"
    """A guard held back what was right, or let through what was not."""
    MODEL = "model"
    """It was found and asked for well, and the model still got it wrong."""
    NOT_WRONG = "not_wrong"
    """The answer was right: the flag was mistaken."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Review:
    """One person's finding on one flag; a later review of the same flag takes its place."""

    id: str
    flag_id: str
    exchange_id: str
    usecase: str
    cause: Cause
    correction: str
    """What should have been answered; content, so it stays out of the ledger's facts.
    Empty when there is none."""
    documents: tuple[str, ...]
    """Paths of the documents that say so; empty when none does, or nobody looked."""
    reviewer: str
    """Id of the reviewer."""
    at_ms: int
    organisation: str


class ReviewBox(Protocol):
    """Where reviews are kept: only ever added to."""

    async def add(self, review: Review) -> None:
        """Keeps the review; durable when this returns."""
        ...

    def list(self, *, organisation: str, usecase: str = "", limit: int = 50) -> tuple[Review, ...]:
        """Last added first; of one use case when it is named."""
        ...

    def of_flag(self, flag_id: str, *, organisation: str) -> Review | None:
        """The one added last; None for a flag that is still open."""
        ...

    def of_flags(self, flag_ids: Iterable[str], *, organisation: str) -> Mapping[str, Review]:
        """The one added last for each of these flags that has any, by the flag's id."""
        ...


def checked_correction(correction: str) -> str:
    """The text without white space around it; raises `InvalidRequest` when it is too long."""
    trimmed = correction.strip()
    if len(trimmed) > LONGEST_CORRECTION:
        raise InvalidRequest(
            f"The correction has {len(trimmed):,} characters; {LONGEST_CORRECTION:,} are kept.",
            param="correction",
        )
    return trimmed


def checked_documents(documents: Iterable[str]) -> tuple[str, ...]:
    """Each path once, in order, without empty ones; raises `InvalidRequest` for too many."""
    paths = tuple(dict.fromkeys(path.strip() for path in documents if path.strip()))
    if len(paths) > MOST_DOCUMENTS:
        raise InvalidRequest(f"At most {MOST_DOCUMENTS} documents are kept.", param="documents")
    return paths
