"""Exchanges: the list, and everything about one."""

from typing import Annotated

import msgspec
from litestar.params import FromPath, FromQuery, QueryParameter

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.core.values.verdicts import Outcome, Support
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Entry, Inclusion
from passerelle.stories.govern import exchanges as story
from passerelle.stories.govern.exchange_facts import ExchangeFacts
from passerelle.stories.govern.exchanges import (
    ContentState,
    Exchange,
    ExchangeDetail,
    ExchangeParts,
)


class ExchangeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, without what was said."""

    sequence: int
    exchange_id: str
    at_ms: int
    usecase: str
    stage: str
    principal: str
    status: int
    code: str
    """Why it was refused; empty when it was answered."""
    grounding: Support
    blocked_by: str
    cost_nano_usd: int | None
    input_tokens: int
    output_tokens: int
    latency_ms: int
    route: str
    """Provider and model, as `provider/model`; empty when none was asked."""
    flagged: bool


class ExchangeList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first; a page may be short although older ones remain."""

    items: list[ExchangeSummary]
    next_before: int | None
    """Ask for `before` this next; null at the end."""


class SaidMessage(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    text: str


class CitedPassage(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a document; title and quote are empty where content is not shown."""

    number: int
    document: str
    title: str
    passage: str
    start: int
    end: int
    quote: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    start: int
    end: int
    verdict: Support
    score: float
    citation: int | None


class GuardFinding(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    start: int
    end: int


class GuardVerdict(msgspec.Struct, frozen=True, kw_only=True):
    guard: str
    surface: str
    outcome: Outcome
    reason: str
    findings: list[GuardFinding]
    released_characters: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Where the entry stands under the signed checkpoint. Source: RFC 9162, 2.1.3."""

    sequence: int
    hash: str
    previous_hash: str
    checkpoint_size: int
    root: str
    inclusion: list[str]
    note: str


class ExchangeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that names the exchange."""

    sequence: int
    event: str
    at_ms: int
    principal: str


class ExchangeRecord(ExchangeSummary, frozen=True, kw_only=True):
    """Everything about one exchange that the caller may see."""

    content: ContentState
    question: str
    answer: str
    withheld: str
    messages: list[SaidMessage]
    citations: list[CitedPassage]
    claims: list[Claim]
    grounding_score: float
    grounding_reason: str
    guards: list[GuardVerdict]
    hits: list[str]
    release: str
    prompt: str
    knowledge_version: str
    price_book: str
    upstream_ms: int
    cached_input_tokens: int
    reasoning_tokens: int
    usage_estimated: bool
    stream: bool
    cut_off: bool
    request_id: str
    key_id: str
    proof: Proof
    events: list[ExchangeEvent]


async def list_exchanges(
    granted: Granted,
    parts: ApiParts,
    *,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    before: Annotated[int | None, QueryParameter(ge=1)] = None,
    usecase: FromQuery[str] = "",
) -> ExchangeList:
    """Exchanges, newest first; without `exchange:read` only the caller's own."""
    page = story.list_exchanges(
        granted, _exchange_parts(parts), limit=limit, before=before, usecase=usecase
    )
    return ExchangeList(
        items=[_summary(item) for item in page.items],
        next_before=page.next_before,
    )


async def show_exchange(
    granted: Granted, parts: ApiParts, *, exchange_id: FromPath[str]
) -> ExchangeRecord:
    """One exchange with its proof; that its content was read is recorded."""
    return _record(await story.read_exchange(granted, _exchange_parts(parts), exchange_id))


def _exchange_parts(parts: ApiParts) -> ExchangeParts:
    return ExchangeParts(parts.ledger, parts.flags, parts.clock)


def _summary(exchange: Exchange) -> ExchangeSummary:
    entry, facts = exchange.entry, exchange.facts
    return ExchangeSummary(
        sequence=entry.sequence,
        exchange_id=entry.subject,
        at_ms=entry.at_ms,
        usecase=entry.usecase,
        stage=facts.stage,
        principal=entry.principal,
        status=facts.status,
        code=facts.code,
        grounding=facts.grounding.support,
        blocked_by=facts.blocked_by,
        cost_nano_usd=facts.cost_nano_usd,
        input_tokens=facts.input_tokens,
        output_tokens=facts.output_tokens,
        latency_ms=facts.latency_ms,
        route=f"{facts.provider}/{facts.model}" if facts.provider else "",
        flagged=exchange.flagged,
    )


def _record(detail: ExchangeDetail) -> ExchangeRecord:
    facts, content = detail.exchange.facts, detail.content
    return ExchangeRecord(
        **msgspec.structs.asdict(_summary(detail.exchange)),
        content=detail.state,
        question=content.question,
        answer=content.answer,
        withheld=content.withheld,
        messages=msgspec.convert(content.messages, list[SaidMessage], from_attributes=True),
        citations=_citations(detail),
        claims=show_claims(facts),
        grounding_score=facts.grounding.score,
        grounding_reason=facts.grounding.reason,
        guards=msgspec.convert(facts.guards, list[GuardVerdict], from_attributes=True),
        hits=list(facts.hits),
        release=facts.release,
        prompt=facts.prompt,
        knowledge_version=facts.knowledge_version,
        price_book=facts.price_book,
        upstream_ms=facts.upstream_ms,
        cached_input_tokens=facts.cached_input_tokens,
        reasoning_tokens=facts.reasoning_tokens,
        usage_estimated=facts.usage_estimated,
        stream=facts.stream,
        cut_off=facts.cut_off,
        request_id=facts.request_id,
        key_id=facts.key_id,
        proof=_proof(detail.exchange.entry, detail.inclusion),
        events=[
            ExchangeEvent(
                sequence=entry.sequence,
                event=entry.event,
                at_ms=entry.at_ms,
                principal=entry.principal,
            )
            for entry in detail.events
        ],
    )


def show_claims(facts: ExchangeFacts) -> list[Claim]:
    return [
        Claim(
            start=claim.start,
            end=claim.end,
            verdict=claim.support,
            score=claim.score,
            citation=claim.citation,
        )
        for claim in facts.grounding.claims
    ]


def _citations(detail: ExchangeDetail) -> list[CitedPassage]:
    if detail.state is ContentState.SHOWN:
        return msgspec.convert(detail.content.citations, list[CitedPassage], from_attributes=True)
    return [
        CitedPassage(
            number=cited.number,
            document=cited.document,
            title="",
            passage=cited.passage,
            start=cited.start,
            end=cited.end,
            quote="",
        )
        for cited in detail.exchange.facts.citations
    ]


def _proof(entry: Entry, inclusion: Inclusion) -> Proof:
    return Proof(
        sequence=entry.sequence,
        hash=entry.hash,
        previous_hash=entry.previous_hash,
        checkpoint_size=inclusion.size,
        root=inclusion.root,
        inclusion=list(inclusion.path),
        note=inclusion.note,
    )


ROUTES = (
    read("/exchanges", Permission.EXCHANGE_READ_OWN, list_exchanges),
    read("/exchanges/{exchange_id:str}", Permission.EXCHANGE_READ_OWN, show_exchange),
)
