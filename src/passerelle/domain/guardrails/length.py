"""A text that is longer than this use case takes."""

from dataclasses import dataclass
from typing import ClassVar

from passerelle.core.values.verdicts import Finding
from passerelle.domain.guardrails.glance import Glance

MOST_IN_TOTAL = 1_000_000
"""Characters that guards read of one request where nothing else is said. A hostile text costs
2 microseconds a character, any other a tenth of that.
"""


@dataclass(frozen=True, slots=True)
class Length:
    """Objects to the part of a text beyond the limit."""

    max_characters: int
    max_total_characters: int = MOST_IN_TOTAL
    """Of all texts of a request; beyond, `refuse_too_much` turns it away unread."""
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
