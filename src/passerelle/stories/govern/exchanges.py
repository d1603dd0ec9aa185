"""Exchanges as the ledger has them: facts for those who oversee, content on record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.passages import Citation
from passerelle.core.values.principals import Principal
from passerelle.core.values.verdicts import Outcome, Support
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.identity.grants import Granted, holds
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import (
    Draft,
    Entry,
    Inclusion,
    Ledger,
    LedgerUnreadable,
)
from passerelle.domain.ledger.events import CONTENT_READ, EXCHANGE_ENDED

SCAN_PAGE = 200
SCAN_PAGES = 20
"""A principal who sees only its own exchanges gets at most 4,000 entries looked through at once."""
MOST_EVENTS = 200
"""The newest of the entries that name one exchange."""


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
    guards: tuple[GuardFacts, ...] = ()
    citations: tuple[CitationFacts, ...] = ()
    hits: tuple[str, ...] = ()
    request_id: str = ""
    key_id: str = ""

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


class ContentState(StrEnum):
    """May the content be shown, and is it there?"""

    SHOWN = "shown"
    HIDDEN = "hidden"
    """The principal may not read it."""
    ERASED = "erased"
    NOT_KEPT = "not_kept"
    """The stage's policy keeps no content."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An entry of an exchange, read."""

    entry: Entry
    facts: ExchangeFacts
    flagged: bool


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """A part of the list, newest first."""

    items: tuple[Exchange, ...]
    next_before: int | None
    """Ask for what is before this sequence next; None at the end. A page may be short before it."""


@dataclass(frozen=True, slots=True)
class ExchangeDetail:
    """Everything about one exchange that the principal may see."""

    exchange: Exchange
    state: ContentState
    content: ExchangeContent
    """Empty unless the state is `shown`."""
    events: tuple[Entry, ...]
    """Every entry that names the exchange, oldest first, its own included."""
    inclusion: Inclusion


@dataclass(frozen=True, slots=True)
class ExchangeParts:
    """What reading exchanges needs."""

    ledger: Ledger
    flags: FlagBox
    clock: Clock


_decode_facts = msgspec.json.Decoder(ExchangeFacts).decode
_decode_content = msgspec.json.Decoder(ExchangeContent).decode


def list_exchanges(
    granted: Granted,
    parts: ExchangeParts,
    *,
    limit: int = 50,
    before: int | None = None,
    usecase: str = "",
) -> ExchangePage:
    """Exchanges of the organisation; only the principal's own without `exchange:read`."""
    granted.require(Permission.EXCHANGE_READ_OWN)
    principal = granted.principal
    entries, next_before = _visible(
        principal, parts.ledger, limit=limit, before=before, usecase=usecase
    )
    flagged = parts.flags.flagged(
        [entry.subject for entry in entries], organisation=principal.scope.organisation
    )
    items = tuple(Exchange(entry, _facts_of(entry), entry.subject in flagged) for entry in entries)
    return ExchangePage(items, next_before)


async def read_exchange(granted: Granted, parts: ExchangeParts, exchange_id: str) -> ExchangeDetail:
    """One exchange; when its content is shown, that it was read is on record first.

    Raises `NotFound`, also for exchanges of others that the principal may not see.
    """
    granted.require(Permission.EXCHANGE_READ_OWN)
    principal = granted.principal
    organisation = principal.scope.organisation
    events = parts.ledger.of_subject(exchange_id, organisation=organisation)
    entry = _ended(principal, events)
    flagged = parts.flags.flagged([exchange_id], organisation=organisation)
    state, content = await _content(principal, entry, parts)
    return ExchangeDetail(
        exchange=Exchange(entry, _facts_of(entry), exchange_id in flagged),
        state=state,
        content=content,
        events=events[-MOST_EVENTS:],
        inclusion=parts.ledger.inclusion(entry.sequence),
    )


def _visible(
    principal: Principal, ledger: Ledger, *, limit: int, before: int | None, usecase: str
) -> tuple[list[Entry], int | None]:
    # One entry more than asked for tells whether a next page exists.
    size = limit + 1 if holds(principal, Permission.EXCHANGE_READ) else SCAN_PAGE
    found: list[Entry] = []
    for _ in range(SCAN_PAGES):
        page = ledger.entries(
            organisation=principal.scope.organisation,
            before=before,
            limit=size,
            event=EXCHANGE_ENDED,
            usecase=usecase,
        )
        for entry in page:
            if len(found) == limit:
                return found, before
            if _sees(principal, entry):
                found.append(entry)
            before = entry.sequence
        if len(page) < size:
            return found, None
    return found, before


def _ended(principal: Principal, events: Sequence[Entry]) -> Entry:
    for entry in events:
        if entry.event == EXCHANGE_ENDED and _sees(principal, entry):
            return entry
    raise NotFound("There is no such exchange.")


def _sees(principal: Principal, entry: Entry) -> bool:
    return entry.principal == principal.id or holds(principal, Permission.EXCHANGE_READ)


async def _content(
    principal: Principal, entry: Entry, parts: ExchangeParts
) -> tuple[ContentState, ExchangeContent]:
    if not entry.commitment:
        return ContentState.NOT_KEPT, ExchangeContent()
    own = entry.principal == principal.id
    if not own and not holds(principal, Permission.EXCHANGE_READ_CONTENT):
        return ContentState.HIDDEN, ExchangeContent()
    body = parts.ledger.content(entry.commitment)
    if body is None:
        return ContentState.ERASED, ExchangeContent()
    await parts.ledger.append(
        Draft(
            event=CONTENT_READ,
            at_ms=parts.clock.now_ms(),
            scope=principal.scope,
            principal=principal.id,
            subject=entry.subject,
            usecase=entry.usecase,
            facts={"sequence": entry.sequence, "own": own},
        )
    )
    try:
        return ContentState.SHOWN, _decode_content(body)
    except msgspec.DecodeError as error:
        raise _unreadable(entry) from error


def _facts_of(entry: Entry) -> ExchangeFacts:
    try:
        return _decode_facts(entry.facts)
    except msgspec.DecodeError as error:
        raise _unreadable(entry) from error


def _unreadable(entry: Entry) -> LedgerUnreadable:
    return LedgerUnreadable(f"Entry {entry.sequence} is damaged: run passerelle ledger verify.")
