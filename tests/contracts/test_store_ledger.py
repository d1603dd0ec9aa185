"""What every ledger must do, whatever it is kept in."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import NotFound
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.chain import FIRST_HASH, leaf_of
from passerelle.domain.ledger.entries import Draft, LedgerUnavailable
from passerelle.domain.ledger.merkle import BLOCK, EMPTY_ROOT
from passerelle.domain.ledger.proofs import includes
from passerelle.stories.govern.audit import verify

ACME, OTHER = Scope("acme", "support"), Scope("other", "sales")
DRAFT = Draft("exchange.ended", 1_700_000_000_000, ACME, "person_1", "exc_1", usecase="handbook")
TEXT = st.text(st.characters(codec="utf-8"))


def drafts(count: int) -> list[Draft]:
    return [replace(DRAFT, subject=f"exc_{n}", content=b"text %d" % n) for n in range(count)]


async def test_entry_comes_back_as_it_was_recorded(store: Store) -> None:
    draft = replace(DRAFT, facts={"b": [1, 2.5, None], "a": "é"}, content=b"question")
    entry = await store.ledger.append(draft)
    assert (entry.sequence, entry.event, entry.at_ms) == (1, draft.event, draft.at_ms)
    assert (entry.organisation, entry.team, entry.principal) == ("acme", "support", "person_1")
    assert (entry.subject, entry.usecase) == ("exc_1", "handbook")
    assert entry.facts == '{"a":"é","b":[1,2.5,null]}'.encode()
    assert entry.previous_hash == FIRST_HASH
    assert entry.hash == leaf_of(entry).hex()
    assert store.ledger.of_subject("exc_1", organisation="acme") == (entry,)
    assert store.ledger.entries(organisation="acme") == (entry,)
    assert store.ledger.content(entry.commitment) == b"question"


async def test_entry_without_content_has_no_commitment(store: Store) -> None:
    entry = await store.ledger.append(DRAFT)
    assert entry.commitment == ""
    assert store.ledger.content("") is None
    empty = await store.ledger.append(replace(DRAFT, content=b""))
    assert store.ledger.content(empty.commitment) == b""
    assert verify(store.ledger).ok


async def test_entries_are_numbered_and_chained_without_gaps(store: Store) -> None:
    entries = await asyncio.gather(*map(store.ledger.append, drafts(200)))
    assert [entry.sequence for entry in entries] == list(range(1, 201))
    assert [entry.subject for entry in entries] == [f"exc_{n}" for n in range(200)]
    hashes = [FIRST_HASH, *(entry.hash for entry in entries)]
    assert [entry.previous_hash for entry in entries] == hashes[:-1]


async def test_entries_are_listed_newest_first_and_page_by_page(store: Store) -> None:
    await asyncio.gather(*map(store.ledger.append, drafts(25)))
    first = store.ledger.entries(organisation="acme", limit=10)
    second = store.ledger.entries(organisation="acme", limit=10, before=first[-1].sequence)
    assert [entry.sequence for entry in first + second] == list(range(25, 5, -1))


async def test_entries_are_found_by_event_and_use_case(store: Store) -> None:
    wanted = await store.ledger.append(replace(DRAFT, event="key.create.done", usecase="other"))
    await store.ledger.append(DRAFT)
    await store.ledger.append(replace(DRAFT, usecase="other"))
    assert store.ledger.entries(organisation="acme", event="key.create.done") == (wanted,)
    found = store.ledger.entries(organisation="acme", event="exchange.ended", usecase="other")
    assert [entry.sequence for entry in found] == [3]
    assert store.ledger.entries(organisation="acme", usecase="none") == ()


async def test_organisation_sees_its_own_entries_only(store: Store) -> None:
    await store.ledger.append(DRAFT)
    theirs = await store.ledger.append(replace(DRAFT, scope=OTHER))
    assert store.ledger.entries(organisation="other") == (theirs,)
    assert store.ledger.of_subject("exc_1", organisation="other") == (theirs,)
    assert store.ledger.entries(organisation="") == ()


async def test_subject_tells_its_story_oldest_first(store: Store) -> None:
    for event in ("exchange.ended", "content.read", "flag.create.done"):
        await store.ledger.append(replace(DRAFT, event=event))
    await store.ledger.append(replace(DRAFT, subject="exc_2"))
    story = [entry.event for entry in store.ledger.of_subject("exc_1", organisation="acme")]
    assert story == ["exchange.ended", "content.read", "flag.create.done"]


async def test_erased_content_is_gone_and_the_proof_stays(store: Store) -> None:
    entry = await store.ledger.append(replace(DRAFT, content=b"a secret"))
    kept = await store.ledger.append(replace(DRAFT, content=b"a secret"))
    erasure = await store.ledger.erase(entry.commitment, replace(DRAFT, facts={"reason": "asked"}))
    assert store.ledger.content(entry.commitment) is None
    assert store.ledger.content(kept.commitment) == b"a secret"
    assert erasure.event == "content.erased"
    assert erasure.facts.decode() == f'{{"erased":"{entry.commitment}","reason":"asked"}}'
    assert store.ledger.of_subject("exc_1", organisation="acme")[0] == entry
    found = verify(store.ledger)
    assert (found.ok, found.erased, found.entries) == (True, 1, 3)


@pytest.mark.parametrize("commitment", ["", "00" * 38, "nonsense"])
async def test_unknown_content_is_not_erased_and_nothing_is_recorded(
    store: Store, commitment: str
) -> None:
    await store.ledger.append(DRAFT)
    with pytest.raises(NotFound):
        await store.ledger.erase(commitment, DRAFT)
    assert store.ledger.head().size == 1


async def test_content_is_erased_once(store: Store) -> None:
    entry = await store.ledger.append(replace(DRAFT, content=b"x"))
    await store.ledger.erase(entry.commitment, DRAFT)
    with pytest.raises(NotFound):
        await store.ledger.erase(entry.commitment, DRAFT)
    assert verify(store.ledger).ok


async def test_erasures_and_records_mix_in_one_rush(store: Store) -> None:
    kept = await asyncio.gather(*map(store.ledger.append, drafts(20)))
    rush = []
    for number, entry in enumerate(kept):
        rush += [store.ledger.append(DRAFT), store.ledger.erase(entry.commitment, DRAFT)]
        if number % 5 == 0:
            rush.append(store.ledger.append(replace(DRAFT, content=b"y")))
    entries = await asyncio.gather(*rush)
    assert [entry.sequence for entry in entries] == list(range(21, 21 + len(rush)))
    found = verify(store.ledger)
    assert (found.faults, found.erased) == ((), 20)


def test_new_ledger_is_empty_and_signed(store: Store) -> None:
    head = store.ledger.head()
    assert (head.size, head.root, head.at_ms) == (0, EMPTY_ROOT.hex(), 0)
    found = verify(store.ledger)
    assert (found.ok, found.entries, found.checkpoints) == (True, 0, 1)
    assert store.ledger.entries(organisation="acme") == ()
    with pytest.raises(NotFound):
        store.ledger.inclusion(1)


async def test_every_acknowledged_entry_is_under_the_head(store: Store) -> None:
    for number in range(1, 6):
        entry = await store.ledger.append(replace(DRAFT, at_ms=DRAFT.at_ms + number))
        head = store.ledger.head()
        assert (head.size, head.at_ms) == (entry.sequence, entry.at_ms)
        assert head.root == verify(store.ledger).root


async def test_inclusion_of_any_entry_is_proved_by_its_hash(store: Store) -> None:
    entries = await asyncio.gather(*map(store.ledger.append, drafts(BLOCK + 300)))
    for entry in (entries[0], entries[500], entries[BLOCK - 1], entries[BLOCK], entries[-1]):
        proof = store.ledger.inclusion(entry.sequence)
        assert proof.size == len(entries)
        path = [bytes.fromhex(sibling) for sibling in proof.path]
        place = {"index": entry.sequence - 1, "size": proof.size}
        root = bytes.fromhex(proof.root)
        assert includes(bytes.fromhex(entry.hash), path, **place, root=root)
    found = verify(store.ledger)
    assert (found.ok, found.entries, found.checkpoints) == (True, BLOCK + 300, 2)
    for sequence in (0, -1, len(entries) + 1):
        with pytest.raises(NotFound):
            store.ledger.inclusion(sequence)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1])
async def test_ledger_holds_around_a_closing_block(store: Store, size: int) -> None:
    await asyncio.gather(*map(store.ledger.append, drafts(size)))
    found = verify(store.ledger)
    assert (found.faults, found.entries) == ((), size)
    assert found.root == store.ledger.head().root


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TEXT, TEXT, TEXT, TEXT, st.binary())
def test_any_text_is_kept_as_it_is(
    store: Store, organisation: str, event: str, subject: str, fact: str, content: bytes
) -> None:
    draft = Draft(
        f"e{event}", 0, Scope(organisation, event), subject, subject, facts={fact: fact},
        content=content,
    )  # fmt: skip
    entry = asyncio.run(store.ledger.append(draft))
    assert store.ledger.of_subject(subject, organisation=organisation)[-1] == entry
    assert store.ledger.content(entry.commitment) == content
    assert verify(store.ledger).ok


async def test_bad_draft_harms_nobody_else(store: Store) -> None:
    bad = replace(DRAFT, subject="\ud800")
    outcomes = await asyncio.gather(
        store.ledger.append(DRAFT),
        store.ledger.append(bad),
        store.ledger.append(DRAFT),
        return_exceptions=True,
    )
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [False, True, False]
    assert store.ledger.head().size == 2


async def test_closed_store_takes_nothing(store: Store) -> None:
    store.close()
    with pytest.raises(LedgerUnavailable):
        await store.ledger.append(DRAFT)
    store.close()
