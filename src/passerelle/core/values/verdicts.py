"""What a check found. One contract for guards on every surface, one for grounding."""

from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.passages import Citation


class Outcome(StrEnum):
    """What became of a text at one guard."""

    PASSED = "passed"
    REDACTED = "redacted"
    BLOCKED = "blocked"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that a guard objects to. Holds no matched text, so it may be logged."""

    kind: str
    """What it is, such as `email` or `api_key`; stable, part of the record."""
    start: int
    end: int
    """Character span in the text that was checked, end exclusive."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one guard said about one text."""

    guard: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """Why it was blocked or not scanned; safe to show."""
    released_characters: int = 0
    """Characters that had left before the verdict: 0 but for streams."""


class Support(StrEnum):
    """Is a claim backed by the passages?"""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """One claim of an answer and the best place found for it."""

    start: int
    end: int
    """Character span of the claim in the answer, end exclusive."""
    support: Support
    score: float
    """0 (nothing backs it) to 1 (stands there word for word)."""
    citation: Citation | None
    """Best evidence; None when no passage comes near."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """Is the answer supported by the passages? The whole is as good as its weakest claim."""

    support: Support
    score: float
    """Lowest score of the claims; 0 when nothing could be scanned."""
    claims: tuple[ClaimVerdict, ...] = ()
    reason: str = ""
    """Why it was not scanned."""
