"""Flags are looked at by those who may, and what they find is kept."""

import json
from dataclasses import replace

import pytest

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.principals import Principal
from passerelle.domain.evaluation.cases import Case, from_flag
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import Draft, LedgerUnavailable
from passerelle.domain.ledger.events import CONTENT_ERASED
from passerelle.stories.improve.collect import FlagParts, flag_exchange
from passerelle.stories.improve.exchanges import ContentGone
from passerelle.stories.improve.review import (
    FlagStatus,
    ReviewParts,
    list_flagged,
    read_flagged,
    review_flag,
)
from tests.stories.office import ANSWER, QUESTION, ended, events, person, store

ADA = person("ada", "end_user")
RITA = person("rita", "reviewer")
DEV = person("dev", "developer")
MALLORY = person("mallory", "administrator", organisation="other")


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> ReviewParts:
    return ReviewParts(kept.ledger, kept.flags, kept.reviews, kept.cases, clock)


async def flagged(
    kept: MemoryStore,
    clock: SetClock,
    exchange_id: str = "exc_1",
    *,
    who: Principal = ADA,
    usecase: str = "handbook",
    correction: str = "",
    keeps_content: bool = True,
) -> Flag:
    """A flag on an answer that its flagger got."""
    await ended(kept, clock, who, exchange_id, usecase=usecase, keeps_content=keeps_content)
    clock.advance(seconds=1)
    recorded = await flag_exchange(
        authorise(who, Permission.FLAG_CREATE),
        FlagParts(kept.ledger, kept.flags, clock),
        exchange_id=exchange_id,
        reason=FlagReason.WRONG,
        correction=correction,
    )
    return recorded.value


async def review(
    parts: ReviewParts,
    flag: Flag,
    *,
    who: Principal = RITA,
    cause: Cause = Cause.RETRIEVAL,
    correction: str | None = "It is 5 %.",
    documents: tuple[str, ...] = ("fees.md",),
) -> Recorded[Review]:
    return await review_flag(
        authorise(who, Permission.FLAG_REVIEW),
        parts,
        flag_id=flag.id,
        cause=cause,
        correction=correction,
        documents=documents,
    )


async def test_review_keeps_cause_correction_and_documents(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    found = (await review(parts, flag)).value
    assert (found.cause, found.correction, found.documents) == (
        Cause.RETRIEVAL,
        "It is 5 %.",
        ("fees.md",),
    )
    assert (found.flag_id, found.exchange_id, found.usecase) == (flag.id, "exc_1", "handbook")
    assert kept.reviews.of_flag(flag.id, organisation="acme") == found


async def test_review_is_on_record_without_its_words(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    recorded = await review(parts, flag, correction="Lovelace said 5 %")
    facts = json.loads(recorded.entry.facts)
    assert recorded.entry.subject == "exc_1"
    assert (facts["flag"], facts["cause"], facts["corrected"]) == (flag.id, "retrieval", True)
    entries = kept.ledger.of_subject("exc_1", organisation="acme")
    assert not any(b"Lovelace" in entry.facts for entry in entries)
    assert events(kept)[-2:] == ["flag.review.intended", "flag.review.done"]


async def test_correction_of_the_flagger_is_taken_over_unless_the_reviewer_has_another(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock, correction="The fee is 6 %.")
    assert (await review(parts, flag, correction=None)).value.correction == "The fee is 6 %."
    assert (await review(parts, flag, correction=" 5 % ")).value.correction == "5 %"
    assert (await review(parts, flag, correction="")).value.correction == ""


async def test_what_was_not_wrong_has_no_correction(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock, correction="The fee is 6 %.")
    found = await review(parts, flag, cause=Cause.NOT_WRONG, correction=None)
    assert found.value.correction == ""
    with pytest.raises(InvalidRequest):
        await review(parts, flag, cause=Cause.NOT_WRONG, correction="6 %")


async def test_flag_of_another_organisation_is_as_good_as_unknown(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    before = events(kept)
    with pytest.raises(NotFound) as foreign:
        await review(parts, flag, who=MALLORY)
    with pytest.raises(NotFound) as unknown:
        await review(parts, replace(flag, id="flg_9"))
    assert foreign.value.message == unknown.value.message
    assert events(kept) == before
    assert kept.reviews.list(organisation="acme") == ()


async def test_user_may_not_review(kept: MemoryStore, parts: ReviewParts, clock: SetClock) -> None:
    flag = await flagged(kept, clock)
    with pytest.raises(Forbidden):
        await review(parts, flag, who=ADA)


async def test_review_that_cannot_be_recorded_is_not_kept(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    kept.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await review(parts, flag)
    assert kept.reviews.list(organisation="acme") == ()


async def test_status_follows_from_what_is_kept(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flags = [await flagged(kept, clock, f"exc_{number}") for number in range(3)]
    await review(parts, flags[1])
    await review(parts, flags[2])
    case = Case(flags[2].id, "?", "5 %", (), True, "flagged", from_flag(flags[2].id))
    await kept.cases.add("handbook", case, organisation="acme", at_ms=1)
    granted = authorise(RITA, Permission.FLAG_READ)
    found = list_flagged(granted, parts)
    assert [(each.flag, each.status) for each in found] == [
        (flags[2], FlagStatus.DISPATCHED),
        (flags[1], FlagStatus.REVIEWED),
        (flags[0], FlagStatus.OPEN),
    ]
    assert found[0].exchange.subject == "exc_2"
    for status, flag in zip(FlagStatus, flags, strict=True):
        assert [each.flag for each in list_flagged(granted, parts, status=status)] == [flag]


async def test_list_is_cut_by_use_case_and_limit(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    for number, usecase in enumerate(("handbook", "trips", "handbook")):
        await flagged(kept, clock, f"exc_{number}", usecase=usecase)
    granted = authorise(RITA, Permission.FLAG_READ)
    assert [one.exchange.subject for one in list_flagged(granted, parts, usecase="handbook")] == [
        "exc_2",
        "exc_0",
    ]
    assert len(list_flagged(granted, parts, limit=1)) == 1
    assert list_flagged(granted, parts, usecase="nothing") == ()


async def test_listing_reads_no_content(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    await flagged(kept, clock)
    before = events(kept)
    list_flagged(authorise(DEV, Permission.FLAG_READ), parts)
    assert events(kept) == before


async def test_reading_what_was_said_is_on_record(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    found, said = await read_flagged(authorise(RITA, Permission.FLAG_READ), parts, flag.id)
    assert (found.flag, found.status, found.review) == (flag, FlagStatus.OPEN, None)
    assert (said.question, said.answer) == (QUESTION, ANSWER)
    assert said.citations[0].quote == "The fee is 4 %"
    assert events(kept)[-1] == "content.read"


async def test_reader_without_the_permission_sees_no_content_of_others(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock)
    before = events(kept)
    with pytest.raises(Forbidden):
        await read_flagged(authorise(DEV, Permission.FLAG_READ), parts, flag.id)
    assert events(kept) == before


async def test_reader_sees_what_it_was_answered_itself(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    flag = await flagged(kept, clock, who=DEV)
    _, said = await read_flagged(authorise(DEV, Permission.FLAG_READ), parts, flag.id)
    assert said.answer == ANSWER


async def test_content_that_is_erased_or_was_never_kept_is_said_to_be_gone(
    kept: MemoryStore, parts: ReviewParts, clock: SetClock
) -> None:
    granted = authorise(RITA, Permission.FLAG_READ)
    never = await flagged(kept, clock, "exc_1", keeps_content=False)
    with pytest.raises(ContentGone):
        await read_flagged(granted, parts, never.id)
    erased = await flagged(kept, clock, "exc_2")
    (entry, *_) = kept.ledger.of_subject("exc_2", organisation="acme")
    draft = Draft(CONTENT_ERASED, clock.now_ms(), ADA.scope, ADA.id, "exc_2")
    await kept.ledger.erase(entry.commitment, draft)
    with pytest.raises(ContentGone):
        await read_flagged(granted, parts, erased.id)
