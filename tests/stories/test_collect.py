import json

import pytest

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.principals import Principal
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.improve.collect import FlagParts, flag_exchange, list_flags
from tests.stories.office import ended, events, person, store

ADA = person("ada", "end_user")
BOB = person("bob", "end_user")
REVIEWER = person("rita", "reviewer")
MALLORY = person("mallory", "administrator", organisation="other")


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> FlagParts:
    return FlagParts(kept.ledger, kept.flags, clock)


async def flag(
    who: Principal,
    parts: FlagParts,
    exchange_id: str = "exc_1",
    comment: str = "",
    correction: str = "",
) -> Recorded[Flag]:
    return await flag_exchange(
        authorise(who, Permission.FLAG_CREATE),
        parts,
        exchange_id=exchange_id,
        reason=FlagReason.WRONG,
        comment=comment,
        correction=correction,
    )


async def test_flag_points_to_the_exchange_by_sequence_and_hash(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    exchange = await ended(kept, clock, ADA)
    recorded = await flag(ADA, parts, comment=" It is 5 %. ")
    facts = json.loads(recorded.entry.facts)
    assert (facts["exchange_sequence"], facts["exchange_hash"]) == (1, exchange.hash)
    assert (facts["flag"], facts["reason"]) == (recorded.value.id, "wrong")
    assert recorded.entry.subject == "exc_1"
    assert recorded.value.comment == "It is 5 %."
    assert kept.flags.flagged(["exc_1"], organisation="acme") == {"exc_1"}


async def test_correction_is_kept_with_the_flag(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    recorded = await flag(ADA, parts, correction=" It is 5 %. ")
    assert recorded.value.correction == "It is 5 %."
    assert json.loads(recorded.entry.facts)["corrected"] is True
    assert kept.flags.list(organisation="acme") == (recorded.value,)


async def test_comment_and_correction_stay_out_of_the_facts(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    await flag(ADA, parts, comment="my name is Ada Lovelace", correction="Lovelace says 5")
    entries = kept.ledger.of_subject("exc_1", organisation="acme")
    assert not any(b"Lovelace" in entry.facts for entry in entries)


async def test_reviewer_flags_what_others_asked(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    assert (await flag(REVIEWER, parts)).value.principal == REVIEWER.id


@pytest.mark.parametrize("who", [BOB, MALLORY], ids=["a colleague", "another organisation"])
async def test_exchange_that_one_may_not_see_cannot_be_flagged(
    who: Principal, kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    with pytest.raises(NotFound) as unseen:
        await flag(who, parts)
    with pytest.raises(NotFound) as absent:
        await flag(who, parts, "exc_2")
    assert unseen.value.message == absent.value.message
    assert events(kept) == ["exchange.ended"]


async def test_entry_that_is_no_exchange_cannot_be_flagged(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    await flag(ADA, parts)
    with pytest.raises(NotFound):
        await flag(ADA, parts, kept.flags.list(organisation="acme")[0].id)


async def test_flag_that_cannot_be_recorded_is_not_kept(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    kept.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await flag(ADA, parts)
    assert kept.flags.list(organisation="acme") == ()


async def test_comment_that_is_too_long_is_refused_before_anything_is_recorded(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    with pytest.raises(InvalidRequest, match="comment"):
        await flag(ADA, parts, comment="x" * 5_000)
    assert events(kept) == ["exchange.ended"]


async def test_flags_are_listed_for_those_who_may_and_of_their_organisation_only(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    await ended(kept, clock, MALLORY, "exc_2")
    raised = (await flag(ADA, parts)).value
    await flag(MALLORY, parts, "exc_2")
    granted = authorise(REVIEWER, Permission.FLAG_READ)
    assert list_flags(granted, parts.flags) == (raised,)
    with pytest.raises(Forbidden):
        authorise(ADA, Permission.FLAG_READ)


async def test_proof_for_reading_flags_raises_none(
    kept: MemoryStore, parts: FlagParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    with pytest.raises(Forbidden):
        await flag_exchange(
            authorise(REVIEWER, Permission.FLAG_READ),
            parts,
            exchange_id="exc_1",
            reason=FlagReason.OTHER,
        )
