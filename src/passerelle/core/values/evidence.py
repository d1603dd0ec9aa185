"""What was found out about a use case, how far it convinces, and until when it counts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.ids import Digest, digest_of


class Grade(StrEnum):
    """How far evidence convinces, from least to most."""

    DEMO = "E0"
    """Shown once, or somebody's opinion."""
    SELF_REPORT = "E1"
    BEFORE_AFTER = "E2"
    """Measured, without a comparison at the same time."""
    MATCHED = "E3"
    """Compared with something alike at the same time."""
    RANDOMISED = "E4"
    REPLICATED = "E5"


class Freshness(StrEnum):
    """Does evidence still count?"""

    FRESH = "fresh"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from the future"
    """A clock was wrong, then or now: nobody knows how old it is."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding, bound to the release that it was made on; never changed, only followed."""

    id: str
    kind: str
    """What was looked at, such as `load`; stable, one word per concept."""
    subject: Digest
    """The release that was looked at."""
    usecase: str
    organisation: str
    by: str
    """Id of the principal who had it made."""
    at_ms: int
    """When it was observed."""
    expires_at_ms: int | None
    """First millisecond at which it no longer counts; None for never."""
    grade: Grade
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """Small and free of personal text."""
    estimate: Estimate | None = None
    """The figure that decides, where there is one."""

    @property
    def digest(self) -> Digest:
        """Over every field: what a signature binds."""
        return digest_of(asdict(self))

    def freshness(self, now_ms: int) -> Freshness:
        """How it stands at that moment."""
        if self.at_ms > now_ms:
            return Freshness.FROM_THE_FUTURE
        if self.expires_at_ms is not None and now_ms >= self.expires_at_ms:
            return Freshness.EXPIRED
        return Freshness.FRESH


class EvidenceBox(Protocol):
    """Where evidence is kept: only ever added to."""

    async def add(self, evidence: Evidence) -> None:
        """Keeps it; durable when this returns."""
        ...

    def latest(self, usecase: str, kind: str, *, organisation: str) -> Evidence | None:
        """The one added last, whatever its time says: a clock may have gone back."""
        ...

    def list(
        self, usecase: str, *, organisation: str, kind: str = "", limit: int = 50
    ) -> tuple[Evidence, ...]:
        """Last added first; of one kind when it is named."""
        ...
