"""Flags are looked at: what was asked and answered, why it went wrong, what would be right."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.ids import new_id
from passerelle.core.values.principals import Principal
from passerelle.domain.evaluation.cases import CaseBox, from_flag
from passerelle.domain.feedback.flags import Flag, FlagBox
from passerelle.domain.feedback.reviews import (
    Cause,
    Review,
    ReviewBox,
    checked_correction,
    checked_documents,
)
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Entry, Ledger
from passerelle.domain.ledger.events import FLAG_REVIEW
from passerelle.stories.improve.exchanges import (
    Transcript,
    exchange_entry,
    read_transcript,
)

MOST_SCANNED = 1_000
"""The newest flags: those that a list with a filter looks through."""


class FlagStatus(StrEnum):
    """How far a flag is. Follows from what is kept about it, so it cannot contradict that."""

    OPEN = "open"
    REVIEWED = "reviewed"
    DISPATCHED = "dispatched"
    """It has become a case."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flag with its exchange and what was found about it."""

    flag: Flag
    exchange: Entry
    status: FlagStatus
    review: Review | None
    """The last one."""


@dataclass(frozen=True, slots=True)
class ReviewParts:
    """What reviewing needs."""

    ledger: Ledger
    flags: FlagBox
    reviews: ReviewBox
    cases: CaseBox
    clock: Clock


def list_flagged(
    granted: Granted,
    parts: ReviewParts,
    *,
    status: FlagStatus | None = None,
    usecase: str = "",
    limit: int = 50,
) -> tuple[Flagged, ...]:
    """Flags of the organisation, newest first, on exchanges that the principal may see.

    Facts only: what was said is read with `read_flagged`, one by one, on record.
    """
    granted.require(Permission.FLAG_READ)
    found: list[Flagged] = []
    for each in _scan(granted.principal, parts, status):
        if usecase in ("", each.exchange.usecase):
            found.append(each)
        if len(found) >= limit:
            break
    return tuple(found)


async def read_flagged(
    granted: Granted, parts: ReviewParts, flag_id: str
) -> tuple[Flagged, Transcript]:
    """One flag with what was asked and answered; that it was read is on record first.

    Raises `NotFound`, `Forbidden`, and `ContentGone` once the content is erased.
    """
    granted.require(Permission.FLAG_READ)
    principal = granted.principal
    flag = own_flag(principal, flag_id, parts.flags)
    entry = exchange_entry(principal, flag.exchange_id, parts.ledger)
    review = parts.reviews.of_flag(flag.id, organisation=flag.organisation)
    transcript = await read_transcript(principal, entry, ledger=parts.ledger, clock=parts.clock)
    status = _Progress(parts.cases).status(review)
    return Flagged(flag, entry, status, review), transcript


async def review_flag(
    granted: Granted,
    parts: ReviewParts,
    *,
    flag_id: str,
    cause: Cause,
    correction: str | None = None,
    documents: tuple[str, ...] = (),
) -> Recorded[Review]:
    """Keeps what a person found; it takes the place of an earlier review of the flag.

    Without a correction the flagger's own is taken over, "" means that there is
    none. Raises `NotFound` and `InvalidRequest`.
    """
    granted.require(Permission.FLAG_REVIEW)
    principal = granted.principal
    flag = own_flag(principal, flag_id, parts.flags)
    exchange = exchange_entry(principal, flag.exchange_id, parts.ledger)
    review = Review(
        id=new_id("rev", parts.clock),
        flag_id=flag.id,
        exchange_id=flag.exchange_id,
        usecase=exchange.usecase,
        cause=cause,
        correction=_correction(cause, correction, flag),
        documents=checked_documents(documents),
        reviewer=principal.id,
        at_ms=parts.clock.now_ms(),
        organisation=flag.organisation,
    )

    async def keep() -> Review:
        await parts.reviews.add(review)
        return review

    draft = Draft(
        event=FLAG_REVIEW,
        at_ms=review.at_ms,
        scope=principal.scope,
        principal=principal.id,
        subject=flag.exchange_id,
        usecase=exchange.usecase,
        facts={
            "flag": flag.id,
            "review": review.id,
            "cause": cause.value,
            "corrected": bool(review.correction),
            "documents": len(review.documents),
        },
    )
    return await record(parts.ledger, draft, keep)


def own_flag(principal: Principal, flag_id: str, flags: FlagBox) -> Flag:
    """A flag of the principal's organisation. Raises `NotFound`."""
    flag = flags.get(flag_id, organisation=principal.scope.organisation)
    if flag is None:
        raise NotFound("There is no such flag.")
    return flag


def _scan(principal: Principal, parts: ReviewParts, wanted: FlagStatus | None) -> Iterator[Flagged]:
    organisation = principal.scope.organisation
    flags = parts.flags.list(organisation=organisation, limit=MOST_SCANNED)
    reviews = parts.reviews.of_flags([flag.id for flag in flags], organisation=organisation)
    progress = _Progress(parts.cases)
    for flag in flags:
        review = reviews.get(flag.id)
        status = progress.status(review)
        if wanted not in (None, status):
            continue
        try:
            exchange = exchange_entry(principal, flag.exchange_id, parts.ledger)
        except NotFound:
            continue  # somebody else's, and the principal may not see it
        yield Flagged(flag, exchange, status, review)


class _Progress:
    """Tells how far flags are; asks for the cases of each use case once."""

    def __init__(self, cases: CaseBox) -> None:
        self._cases = cases
        self._provenances: dict[tuple[str, str], frozenset[str]] = {}

    def status(self, review: Review | None) -> FlagStatus:
        if review is None:
            return FlagStatus.OPEN
        if from_flag(review.flag_id) in self._known(review.organisation, review.usecase):
            return FlagStatus.DISPATCHED
        return FlagStatus.REVIEWED

    def _known(self, organisation: str, usecase: str) -> frozenset[str]:
        place = (organisation, usecase)
        if place not in self._provenances:
            cases = self._cases.list(usecase, organisation=organisation)
            self._provenances[place] = frozenset(case.provenance for case in cases)
        return self._provenances[place]


def _correction(cause: Cause, given: str | None, flag: Flag) -> str:
    if cause is not Cause.NOT_WRONG:
        return checked_correction(flag.correction if given is None else given)
    if given and given.strip():
        raise InvalidRequest("What was not wrong needs no correction.", param="correction")
    return ""
