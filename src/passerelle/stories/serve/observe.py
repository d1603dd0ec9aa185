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
    provider: str = ""
    """Who answered, or was asked first; empty where nobody was asked."""
    model: str = ""


class Observer(Protocol):
    """Counts; must neither block nor raise."""

    def exchange_ended(self, observation: Observation) -> None:
        """One exchange has its entry."""
        ...

    def budget_alert(self, name: str, share: float) -> None:
        """An account has reached a share of its limit."""
        ...

    def caller_refused(self, code: str) -> None:
        """Somebody could not be identified, so there is no tenant for an entry."""
        ...


@dataclass(frozen=True, slots=True)
class TrafficMinute:
    """What one model answered for one use case in one minute."""

    minute_ms: int
    """Its beginning, in milliseconds since 1970 (UTC)."""
    usecase: str
    stage: str
    provider: str
    model: str
    exchanges: int
    refused: int
    """Ended with a status from 400 to 499."""
    failed: int
    """Ended with a status from 500 on."""
    blocked: int
    tokens: int
    cost_nano_usd: int
    """Of those whose price is known."""
    p50_ms: float
    """Of the whole exchange, from a histogram: right to about a tenth."""
    p99_ms: float
