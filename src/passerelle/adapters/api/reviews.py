"""Flags on their way: looked at, explained, corrected, and turned into cases."""

from typing import Annotated

import msgspec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from passerelle.adapters.api.exchanges import CitedPassage, Claim, SaidMessage, show_claims
from passerelle.adapters.api.flags import Flag, show_flag
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read, write
from passerelle.core.values.errors import NotFound
from passerelle.domain.evaluation import cases
from passerelle.domain.feedback import reviews as feedback
from passerelle.domain.feedback.reviews import Cause
from passerelle.domain.identity.grants import Forbidden, Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.govern.exchange_facts import read_facts
from passerelle.stories.govern.exchanges import ContentState
from passerelle.stories.improve import dispatch, review
from passerelle.stories.improve.exchanges import ContentGone, Transcript
from passerelle.stories.improve.review import Flagged, FlagStatus


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a person found who looked at a flag."""

    id: str
    flag_id: str
    exchange_id: str
    usecase: str
    cause: Cause
    correction: str
    documents: list[str]
    reviewer: str
    at_ms: int


class NewReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finding to keep; it takes the place of an earlier one on the same flag."""

    flag_id: str
    cause: Cause
    correction: str | None = None
    """Without it the flagger's own is taken over; an empty text says that there is none."""
    documents: list[str] = []


class ReviewedFlag(Flag, frozen=True, kw_only=True):
    """A flag with what became of it."""

    usecase: str
    status: FlagStatus
    review: Review | None


class FlagRecord(ReviewedFlag, frozen=True, kw_only=True):
    """A flag with what was asked and answered, as far as the caller may read it."""

    content: ContentState
    question: str
    answer: str
    withheld: str
    messages: list[SaidMessage]
    citations: list[CitedPassage]
    claims: list[Claim]


class NewCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reviewed flag that should be measured from now on."""

    flag_id: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and what a good answer is."""

    id: str
    question: str
    reference: str
    documents: list[str]
    answerable: bool
    slice: str
    provenance: str


async def list_flags(
    granted: Granted,
    parts: ApiParts,
    *,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    status: FromQuery[FlagStatus | None] = None,
    usecase: FromQuery[str] = "",
) -> list[ReviewedFlag]:
    """Flags on exchanges that the caller may see, newest first, without what was said."""
    found = review.list_flagged(granted, parts.review, status=status, usecase=usecase, limit=limit)
    return [show_reviewed(each) for each in found]


async def show_flag_record(
    granted: Granted, parts: ApiParts, *, flag_id: FromPath[str]
) -> FlagRecord:
    """One flag with what was asked and answered; that it was read is recorded."""
    try:
        flagged, said = await review.read_flagged(granted, parts.review, flag_id)
    except Forbidden:
        return _record(_without_content(granted, parts, flag_id), ContentState.HIDDEN)
    except ContentGone:
        found = _without_content(granted, parts, flag_id)
        kept = bool(found.exchange.commitment)
        return _record(found, ContentState.ERASED if kept else ContentState.NOT_KEPT)
    return _record(flagged, ContentState.SHOWN, said)


async def create_review(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewReview]
) -> Recorded[feedback.Review]:
    """Keeps why the answer was as it was, and what would have been right."""
    return await review.review_flag(
        granted,
        parts.review,
        flag_id=data.flag_id,
        cause=data.cause,
        correction=data.correction,
        documents=tuple(data.documents),
    )


async def create_case(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewCase]
) -> Recorded[cases.Case]:
    """Adds the question of a reviewed flag, with its correction, to the use case's cases."""
    return await dispatch.dispatch_flag(granted, parts.dispatch, data.flag_id)


def show_review(found: feedback.Review) -> Review:
    return msgspec.convert(found, Review, from_attributes=True)


def show_case(case: cases.Case) -> Case:
    return msgspec.convert(case, Case, from_attributes=True)


def show_reviewed(flagged: Flagged) -> ReviewedFlag:
    return ReviewedFlag(
        **msgspec.structs.asdict(show_flag(flagged.flag)),
        usecase=flagged.exchange.usecase,
        status=flagged.status,
        review=show_review(flagged.review) if flagged.review else None,
    )


def _without_content(granted: Granted, parts: ApiParts, flag_id: str) -> Flagged:
    for each in review.list_flagged(granted, parts.review, limit=review.MOST_SCANNED):
        if each.flag.id == flag_id:
            return each
    raise NotFound("There is no such flag.")


def _record(flagged: Flagged, state: ContentState, said: Transcript | None = None) -> FlagRecord:
    said = said or Transcript()
    shown = state is ContentState.SHOWN
    return FlagRecord(
        **msgspec.structs.asdict(show_reviewed(flagged)),
        content=state,
        question=said.question,
        answer=said.answer,
        withheld=said.withheld,
        messages=msgspec.convert(said.messages, list[SaidMessage], from_attributes=True),
        citations=msgspec.convert(said.citations, list[CitedPassage], from_attributes=True),
        claims=show_claims(read_facts(flagged.exchange)) if shown else [],
    )


ROUTES = (
    read("/flags", Permission.FLAG_READ, list_flags),
    read("/flags/{flag_id:str}", Permission.FLAG_READ, show_flag_record),
    write("POST", "/reviews", Permission.FLAG_REVIEW, create_review, shows=show_review, status=201),
    write("POST", "/cases", Permission.CASE_WRITE, create_case, shows=show_case, status=201),
)
