"""Corrected flags become cases, so that what went wrong once is measured from then on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import NotFound, Refusal
from passerelle.core.values.ids import digest_of
from passerelle.domain.evaluation.cases import Case, CaseBox, from_flag
from passerelle.domain.feedback.flags import Flag, FlagBox
from passerelle.domain.feedback.reviews import Cause, Review, ReviewBox
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.refusals import blocked_by
from passerelle.domain.guardrails.screening import screen
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Entry, Ledger
from passerelle.domain.ledger.events import CASE_ADD
from passerelle.stories.improve.exchanges import exchange_entry, read_transcript
from passerelle.stories.improve.review import own_flag

FLAGGED = "flagged"
"""Slice of the cases that came from flags."""


class NotReviewed(Refusal):
    """Nobody has reviewed this flag yet."""

    status = 409
    code = "not_reviewed"
    kind = "invalid_request_error"


class NoCorrection(Refusal):
    """The review says nothing that an answer could be measured with."""

    status = 409
    code = "no_correction"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class DispatchParts:
    """What turning flags into cases needs."""

    ledger: Ledger
    flags: FlagBox
    reviews: ReviewBox
    cases: CaseBox
    guards: Callable[[str], Sequence[GuardPolicy] | None]
    """Those of a use case; None when there is no such use case."""
    clock: Clock


async def dispatch_flag(granted: Granted, parts: DispatchParts, flag_id: str) -> Recorded[Case]:
    """Adds the question of a reviewed flag, with its correction, to the use case's cases.

    Question and correction pass the use case's input guards first: a case is kept
    for good and shown to many. The case carries the flag's id, so repeating it
    changes nothing, and after another review it replaces the case. A missing
    document without a correction makes a case whose right answer is not to know.
    Raises `NotFound`, `NotReviewed`, `NoCorrection`, `Blocked`, `Forbidden` and
    `ContentGone`.
    """
    granted.require(Permission.CASE_WRITE)
    principal = granted.principal
    flag = own_flag(principal, flag_id, parts.flags)
    review = parts.reviews.of_flag(flag.id, organisation=flag.organisation)
    if review is None:
        raise NotReviewed("Review it first: passerelle review.")
    _refuse_uncorrected(review)
    entry = exchange_entry(principal, flag.exchange_id, parts.ledger)
    guards = parts.guards(review.usecase)
    if guards is None:
        raise NotFound(f"There is no use case {review.usecase!r} any more.")
    transcript = await read_transcript(principal, entry, ledger=parts.ledger, clock=parts.clock)
    case = _case(flag, review, question=transcript.question, guards=guards)
    known = case in parts.cases.list(review.usecase, organisation=flag.organisation)
    now_ms = parts.clock.now_ms()

    async def add() -> Case:
        if not known:
            await parts.cases.add(
                review.usecase, case, organisation=flag.organisation, at_ms=now_ms
            )
        return case

    draft = _draft(granted, entry, review, case=case, known=known, at_ms=now_ms)
    return await record(parts.ledger, draft, add)


def _refuse_uncorrected(review: Review) -> None:
    if review.cause is Cause.NOT_WRONG:
        raise NoCorrection("The answer was found to be right.")
    if not review.correction and review.cause is not Cause.KNOWLEDGE_MISSING:
        raise NoCorrection("Review it again and say what should have been answered.")


def _case(flag: Flag, review: Review, *, question: str, guards: Sequence[GuardPolicy]) -> Case:
    answerable = bool(review.correction)
    return Case(
        id=flag.id,
        question=_screened(question, guards),
        reference=_screened(review.correction, guards),
        documents=review.documents if answerable else (),
        answerable=answerable,
        slice=FLAGGED,
        provenance=from_flag(flag.id),
    )


def _screened(text: str, guards: Sequence[GuardPolicy]) -> str:
    """The text without what the guards redact; raises `Blocked`, also for what none could read."""
    screened = screen(text, guards, Surface.INPUT)
    if screened.blocked or screened.unscanned:
        raise blocked_by(screened.verdicts)
    return screened.text


def _draft(
    granted: Granted, entry: Entry, review: Review, *, case: Case, known: bool, at_ms: int
) -> Draft:
    return Draft(
        event=CASE_ADD,
        at_ms=at_ms,
        scope=granted.principal.scope,
        principal=granted.principal.id,
        subject=entry.subject,
        usecase=review.usecase,
        facts={
            "flag": review.flag_id,
            "review": review.id,
            "case": case.id,
            "case_digest": digest_of(asdict(case)),
            "answerable": case.answerable,
            "known": known,
        },
    )
