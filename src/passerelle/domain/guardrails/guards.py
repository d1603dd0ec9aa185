"""The contract of every guard, on every surface."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from passerelle.core.values.verdicts import Finding, Outcome, Verdict
from passerelle.domain.guardrails.glance import Glance

Action: TypeAlias = Literal["annotate", "redact", "block"]


class Surface(StrEnum):
    """Where a text stands in an exchange."""

    INPUT = "input"
    OUTPUT = "output"
    DOCUMENT = "document"
    """A passage or a tool's result: text that nobody in the conversation wrote."""


class Unscannable(Exception):
    """A guard cannot judge this text. The message is public: it must not quote the text."""


class Guard(Protocol):
    """Finds what may not pass. Pure; linear in the length of the text.

    Every decision is local, so that a stream can be checked window by window:
    whether a finding starts at a character depends on at most `lookback`
    characters before it, never on findings elsewhere. Findings may overlap.
    """

    @property
    def name(self) -> str:
        """Stable; the key of its section in the configuration."""
        ...

    @property
    def whole(self) -> bool:
        """It judges a text as a whole, so it can neither redact nor run on a part of a stream."""
        ...

    @property
    def reach(self) -> int:
        """Longest finding in characters, with what must be seen after it: the most a stream
        can be held back.
        """
        ...

    @property
    def lookback(self) -> int:
        """Characters before a finding that its being one may depend on."""
        ...

    def may_find(self, glance: Glance) -> bool:
        """False only where `findings` has none: most texts are done with after this."""
        ...

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        """Findings that begin at `start` or later, by their beginning."""
        ...

    def open_from(self, text: str) -> int:
        """Findings that begin before this place stay as they are, whatever follows the text.

        At least `len(text) - reach`; the nearer to the end, the sooner a stream flows.
        """
        ...


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """A guard, what to do with its findings, and where it looks."""

    guard: Guard
    action: Action
    """`annotate` only records findings, and the outcome is `passed`."""
    surfaces: frozenset[Surface]
    passed: Verdict = field(init=False, repr=False, compare=False)
    """What the guard says where it finds nothing."""

    def __post_init__(self) -> None:
        if self.guard.whole and self.action == "redact":
            message = f"{self.guard.name} judges whole texts, so it cannot redact"
            raise ValueError(message)
        object.__setattr__(self, "passed", Verdict(self.guard.name, Outcome.PASSED))
