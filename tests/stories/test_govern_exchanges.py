import json

import pytest

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.principals import Principal
from passerelle.core.values.verdicts import Outcome, Support
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Draft, LedgerUnavailable, LedgerUnreadable
from passerelle.domain.ledger.proofs import includes
from passerelle.stories.govern import exchanges as story
from passerelle.stories.govern.exchanges import (
    ContentState,
    ExchangeDetail,
    ExchangePage,
    ExchangeParts,
    list_exchanges,
    read_exchange,
)
from tests.stories.office import ANSWER, QUESTION, ended, events, person, store

ADA = person("ada", "end_user")
BOB = person("bob", "end_user")
DEV = person("dev", "developer")
REVIEWER = person("rita", "reviewer")
MALLORY = person("mallory", "administrator", organisation="other")


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> ExchangeParts:
    return ExchangeParts(kept.ledger, kept.flags, clock)


def page(
    who: Principal,
    parts: ExchangeParts,
    *,
    limit: int = 50,
    before: int | None = None,
    usecase: str = "",
) -> ExchangePage:
    granted = authorise(who, Permission.EXCHANGE_READ_OWN)
    return list_exchanges(granted, parts, limit=limit, before=before, usecase=usecase)


def ids(found: ExchangePage) -> list[str]:
    return [item.entry.subject for item in found.items]


async def detail(who: Principal, parts: ExchangeParts, name: str = "exc_1") -> ExchangeDetail:
    return await read_exchange(authorise(who, Permission.EXCHANGE_READ_OWN), parts, name)


async def test_overseer_sees_the_facts_of_everybodys_exchanges_newest_first(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    for number, who in enumerate((ADA, BOB, MALLORY), start=1):
        await ended(kept, clock, who, f"exc_{number}")
    found = page(DEV, parts)
    assert ids(found) == ["exc_2", "exc_1"]
    assert found.next_before is None
    facts = found.items[0].facts
    assert (facts.provider, facts.status, facts.cost_nano_usd) == ("extractive", 200, 0)
    assert facts.grounding.support is Support.SUPPORTED
    assert facts.guards[0].outcome is Outcome.REDACTED
    assert facts.blocked_by == ""


async def test_end_user_sees_only_what_is_hers(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1")
    await ended(kept, clock, BOB, "exc_2")
    assert ids(page(ADA, parts)) == ["exc_1"]


async def test_following_the_pages_meets_every_exchange_once(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    for number in range(10):
        await ended(kept, clock, ADA if number % 3 else BOB, f"exc_{number}")
    for who, limit in ((DEV, 1), (DEV, 3), (DEV, 5), (DEV, 10), (ADA, 2), (BOB, 4)):
        seen: list[str] = []
        before: int | None = None
        while True:
            found = page(who, parts, limit=limit, before=before)
            assert len(found.items) <= limit
            seen += ids(found)
            if (before := found.next_before) is None:
                break
        everything = [f"exc_{number}" for number in reversed(range(10))]
        mine = [
            name for name in everything if who is DEV or (int(name[4:]) % 3 == 0) == (who is BOB)
        ]
        assert seen == mine


async def test_last_page_does_not_promise_another(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    for number in range(4):
        await ended(kept, clock, ADA, f"exc_{number}")
    assert page(DEV, parts, limit=4).next_before is None
    assert page(ADA, parts, limit=4).next_before is None
    assert page(DEV, parts, limit=3).next_before is not None


async def test_search_for_ones_own_among_many_stops_and_can_be_continued(
    kept: MemoryStore,
    parts: ExchangeParts,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(story, "SCAN_PAGE", 2)
    monkeypatch.setattr(story, "SCAN_PAGES", 2)
    await ended(kept, clock, ADA, "exc_old")
    for number in range(6):
        await ended(kept, clock, BOB, f"exc_{number}")
    first = page(ADA, parts)
    assert (ids(first), first.next_before) == ([], 4)
    second = page(ADA, parts, before=4)
    assert (ids(second), second.next_before) == (["exc_old"], None)


async def test_list_can_be_kept_to_one_use_case(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", usecase="handbook")
    await ended(kept, clock, ADA, "exc_2", usecase="support")
    assert ids(page(DEV, parts, usecase="support")) == ["exc_2"]


async def test_flagged_exchanges_say_so(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1")
    await ended(kept, clock, ADA, "exc_2")
    await kept.flags.add(Flag("flg_1", "exc_2", FlagReason.WRONG, "", ADA.id, 0, "acme"))
    assert [item.flagged for item in page(DEV, parts).items] == [True, False]


async def test_refused_exchange_shows_what_its_short_entry_has(
    kept: MemoryStore, parts: ExchangeParts
) -> None:
    await kept.ledger.append(
        Draft("exchange.ended", 0, ADA.scope, ADA.id, "exc_1", facts={"status": 404})
    )
    facts = page(DEV, parts).items[0].facts
    assert (facts.status, facts.provider, facts.cost_nano_usd) == (404, "", None)
    assert facts.grounding.support is Support.NOT_SCANNED


async def test_facts_that_cannot_be_read_point_to_the_proof(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, facts={"status": "fine"})
    with pytest.raises(LedgerUnreadable, match="ledger verify"):
        page(DEV, parts)


async def test_first_guard_that_blocked_is_named(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    guards: list[JsonValue] = [
        {"surface": "input", "guard": name, "outcome": outcome}
        for name, outcome in (("length", "passed"), ("injection", "blocked"))
    ]
    await ended(kept, clock, ADA, facts={"guards": guards})
    assert page(DEV, parts).items[0].facts.blocked_by == "injection"


@pytest.mark.parametrize("who", [ADA, REVIEWER], ids=["one's own", "a reviewer"])
async def test_content_is_shown_and_its_reading_recorded_first(
    who: Principal, kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    found = await detail(who, parts)
    assert found.state is ContentState.SHOWN
    assert (found.content.question, found.content.answer) == (QUESTION, ANSWER)
    assert found.content.citations[0].quote == "The fee is 4 %"
    reading = kept.ledger.entries(organisation="acme")[0]
    assert (reading.event, reading.principal, reading.subject) == ("content.read", who.id, "exc_1")
    assert json.loads(reading.facts) == {"own": who is ADA, "sequence": 1}


async def test_content_is_not_shown_when_its_reading_cannot_be_recorded(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    kept.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await detail(REVIEWER, parts)


async def test_developer_gets_the_facts_of_others_without_content(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    found = await detail(DEV, parts)
    assert found.state is ContentState.HIDDEN
    assert (found.content.answer, found.content.messages) == ("", ())
    assert found.exchange.facts.citations[0].passage == "psg_1"
    assert events(kept) == ["exchange.ended"]


async def test_erased_content_is_told_apart_from_content_never_kept(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    entry = await ended(kept, clock, ADA)
    erasing = Draft("content.erased", 0, ADA.scope, "per_1", "exc_1")
    await kept.ledger.erase(entry.commitment, erasing)
    await ended(kept, clock, ADA, "exc_2", keeps_content=False)
    assert (await detail(REVIEWER, parts)).state is ContentState.ERASED
    assert (await detail(REVIEWER, parts, "exc_2")).state is ContentState.NOT_KEPT
    assert "content.read" not in events(kept)


@pytest.mark.parametrize("who", [BOB, MALLORY], ids=["a colleague", "another organisation"])
async def test_exchange_that_one_may_not_see_is_as_absent(
    who: Principal, kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA)
    with pytest.raises(NotFound) as unseen:
        await detail(who, parts)
    with pytest.raises(NotFound) as absent:
        await detail(who, parts, "exc_2")
    assert unseen.value.message == absent.value.message


async def test_detail_carries_a_proof_that_holds_and_the_events_so_far(
    kept: MemoryStore, parts: ExchangeParts, clock: SetClock
) -> None:
    for number in range(1, 8):
        await ended(kept, clock, ADA, f"exc_{number}")
    await detail(REVIEWER, parts, "exc_5")
    found = await detail(ADA, parts, "exc_5")
    proof = found.inclusion
    assert [entry.event for entry in found.events] == ["exchange.ended", "content.read"]
    assert includes(
        bytes.fromhex(found.exchange.entry.hash),
        [bytes.fromhex(node) for node in proof.path],
        index=4,
        size=proof.size,
        root=bytes.fromhex(proof.root),
    )


async def test_proof_for_something_else_opens_nothing(parts: ExchangeParts) -> None:
    granted = authorise(REVIEWER, Permission.FLAG_READ)
    with pytest.raises(Forbidden):
        list_exchanges(granted, parts)
    with pytest.raises(Forbidden):
        await read_exchange(granted, parts, "exc_1")
