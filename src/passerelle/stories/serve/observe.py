"""What operators see of serving, while it happens."""

from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.chat import Usage
from passerelle.core.values.verdicts import Support


@dataclass(frozen=True, slots=True)
class Observation:
    """One ended exchange, without content and without names of people."""

    usecase: str
    stage: str
    status: int
    """HTTP status that the caller got, or would have got."""
    code: str
    """Code of the refusal; empty when answered."""
    duration_ns: int
    upstream_ns: int
    usage: Usage
    cost_nano_usd: int | None
    support: Support
    blocked: bool


class Observer(Protocol):
    """Counts; must neither block nor raise."""

    def exchange_ended(self, observation: Observation) -> None:
        """One exchange has its entry."""
        ...

    def caller_refused(self, code: str) -> None:
        """Somebody could not be identified, so there is no tenant for an entry."""
        ...
