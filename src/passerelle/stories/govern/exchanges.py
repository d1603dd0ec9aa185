"""Exchanges as the ledger has them: facts for those who oversee, content on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.principals import Principal
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.identity.grants import Granted, holds
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import (
    Draft,
    Entry,
    Inclusion,
    Ledger,
)
from passerelle.domain.ledger.events import CONTENT_READ, EXCHANGE_ENDED
from passerelle.stories.govern.exchange_facts import (
    ExchangeContent,
    ExchangeFacts,
    read_content,
    read_facts,
)

SCAN_PAGE = 200
SCAN_PAGES = 20
"""A principal who sees only its own exchanges gets at most 4,000 entries looked through at once."""
MOST_EVENTS = 200
"""The newest of the entries that name one exchange."""


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
    items = tuple(Exchange(entry, read_facts(entry), entry.subject in flagged) for entry in entries)
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
        exchange=Exchange(entry, read_facts(entry), exchange_id in flagged),
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
    return ContentState.SHOWN, read_content(entry, body)
