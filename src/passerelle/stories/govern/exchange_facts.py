"""What the ledger says of an exchange, and what was said in it, read back into values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from passerelle.core.values.passages import Citation
from passerelle.core.values.verdicts import Outcome, Support
from passerelle.domain.ledger.entries import Entry, LedgerUnreadable


@dataclass(frozen=True, slots=True)
class FindingFacts:
    kind: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class GuardFacts:
    surface: str = ""
    guard: str = ""
    outcome: Outcome = Outcome.NOT_SCANNED
    reason: str = ""
    findings: tuple[FindingFacts, ...] = ()
    released_characters: int = 0


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    start: int = 0
    end: int = 0
    support: Support = Support.NOT_SCANNED
    score: float = 0.0
    citation: int | None = None


@dataclass(frozen=True, slots=True)
class GroundingFacts:
    support: Support = Support.NOT_SCANNED
    score: float = 0.0
    reason: str = ""
    claims: tuple[ClaimFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class CitationFacts:
    number: int = 0
    document: str = ""
    passage: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """What the entry of an exchange says; what an older entry lacks has its default."""

    status: int = 0
    code: str = ""
    """Why it was refused; empty when it was answered."""
    stage: str = ""
    release: str = ""
    prompt: str = ""
    knowledge_version: str = ""
    provider: str = ""
    model: str = ""
    stream: bool = False
    cut_off: bool = False
    """The client left before the end."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False
    cost_nano_usd: int | None = None
    price_book: str = ""
    latency_ms: int = 0
    upstream_ms: int = 0
    grounding: GroundingFacts = field(default_factory=GroundingFacts)
    passed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Surface to the guards that found nothing there; they are among the guards too."""
    guards: tuple[GuardFacts, ...] = ()
    citations: tuple[CitationFacts, ...] = ()
    hits: tuple[str, ...] = ()
    request_id: str = ""
    key_id: str = ""

    def __post_init__(self) -> None:
        passed = (
            GuardFacts(surface, guard, Outcome.PASSED)
            for surface, guards in self.passed.items()
            for guard in guards
        )
        object.__setattr__(self, "guards", (*passed, *self.guards))

    @property
    def blocked_by(self) -> str:
        """Name of the first guard that blocked; empty when none did."""
        return next((guard.guard for guard in self.guards if guard.outcome is Outcome.BLOCKED), "")


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as it went to the model: after redaction."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ExchangeContent:
    """What was asked and answered; kept apart from the entry, so that it can be erased."""

    messages: tuple[Said, ...] = ()
    answer: str = ""
    """What the caller got."""
    withheld: str = ""
    """What the model said where something else was sent instead."""
    citations: tuple[Citation, ...] = ()

    @property
    def question(self) -> str:
        """Text of the last user message; empty when there is none."""
        return next((said.text for said in reversed(self.messages) if said.role == "user"), "")


_decode_facts = msgspec.json.Decoder(ExchangeFacts).decode
_decode_content = msgspec.json.Decoder(ExchangeContent).decode


def read_facts(entry: Entry) -> ExchangeFacts:
    """Raises `LedgerUnreadable` when the entry's facts are no longer what was written."""
    try:
        return _decode_facts(entry.facts)
    except msgspec.DecodeError as error:
        raise _unreadable(entry) from error


def read_content(entry: Entry, body: bytes) -> ExchangeContent:
    """Raises `LedgerUnreadable` when the entry's content is no longer what was written."""
    try:
        return _decode_content(body)
    except msgspec.DecodeError as error:
        raise _unreadable(entry) from error


def _unreadable(entry: Entry) -> LedgerUnreadable:
    return LedgerUnreadable(f"Entry {entry.sequence} is damaged: run passerelle ledger verify.")
