"""A text that is longer than this use case takes."""

from dataclasses import dataclass
from typing import ClassVar

from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails.glance import Glance


@dataclass(frozen=True, slots=True)
class Length:
    """Objects to the part of a text beyond the limit."""

    max_characters: int
    name: ClassVar[str] = "length"
    whole: ClassVar[bool] = True
    reach: ClassVar[int] = 0
    lookback: ClassVar[int] = 0

    def may_find(self, glance: Glance) -> bool:
        return len(glance.text) > self.max_characters

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        if len(text) <= self.max_characters:
            return ()
        return (Finding("too_long", max(start, self.max_characters), len(text)),)

    def open_from(self, text: str) -> int:
        return min(len(text), self.max_characters)
