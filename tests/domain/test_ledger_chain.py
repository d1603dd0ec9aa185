"""Drafts become entries that anyone can hash again."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.chain import FIRST_HASH, empty_tip, extend, leaf_of, seal
from passerelle.domain.ledger.contents import commit, commitment_of
from passerelle.domain.ledger.entries import Draft, Entry
from passerelle.domain.ledger.events import CONTENT_ERASED
from passerelle.domain.ledger.merkle import BLOCK, root_of

DRAFT = Draft("exchange.ended", 1_700_000_000_000, Scope("acme", "support"), "person_1", "exc_1")
TEXT = st.text(st.characters(codec="utf-8"))


def hashed_by_hand(entry: Entry) -> str:
    """As a verifier in another language would: plain JSON and SHA-256."""
    fields = [
        entry.sequence, entry.event, entry.at_ms, entry.organisation, entry.team,
        entry.principal, entry.subject, entry.usecase, "FACTS", entry.commitment,
        entry.previous_hash,
    ]  # fmt: skip
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    # The facts stand where the placeholder is: the ninth value of the array.
    ahead = json.dumps(fields[:8], ensure_ascii=False, separators=(",", ":"))[:-1] + ","
    assert text.startswith(ahead + '"FACTS"')
    whole = ahead + entry.facts.decode() + text[len(ahead) + len('"FACTS"') :]
    return sha256(b"\x00" + whole.encode()).hexdigest()


@given(TEXT, TEXT, TEXT, st.dictionaries(TEXT, st.one_of(st.integers(), TEXT, st.booleans())))
def test_hash_can_be_computed_with_plain_json(
    event: str, principal: str, usecase: str, facts: dict[str, JsonValue]
) -> None:
    draft = replace(
        DRAFT, event=f"e{event}", principal=principal, usecase=usecase, facts=facts, content=b"x"
    )
    (first, second) = extend(empty_tip(), [seal(draft), seal(draft)]).entries
    for entry in (first, second):
        assert entry.hash == hashed_by_hand(entry) == leaf_of(entry).hex()
    assert (first.previous_hash, second.previous_hash) == (FIRST_HASH, first.hash)


def test_batches_give_the_same_ledger_as_one_by_one() -> None:
    sealed = [seal(replace(DRAFT, subject=f"exc_{n}")) for n in range(BLOCK + 10)]
    whole = extend(empty_tip(), sealed)
    tip, entries, milestones = empty_tip(), [], []
    for start in range(0, len(sealed), 100):
        added = extend(tip, sealed[start : start + 100])
        tip = added.tip
        entries += added.entries
        milestones += added.milestones
    assert entries == whole.entries
    assert milestones == whole.milestones
    assert tip.tree.root() == whole.tip.tree.root()
    (milestone,) = milestones
    assert milestone.checkpoint.size == BLOCK
    assert milestone.checkpoint.root == root_of([bytes.fromhex(e.hash) for e in entries[:BLOCK]])


def test_extending_leaves_the_old_tip_as_it_was() -> None:
    tip = extend(empty_tip(), [seal(DRAFT)]).tip
    before = (tip.size, tip.hash, tip.tree.root())
    extend(tip, [seal(DRAFT)] * 5)
    assert (tip.size, tip.hash, tip.tree.root()) == before


def test_facts_are_canonical() -> None:
    first = seal(replace(DRAFT, facts={"b": 1, "a": [1.0, None]}))
    second = seal(replace(DRAFT, facts={"a": [1.0, None], "b": 1}))
    assert first.facts == second.facts == b'{"a":[1.0,null],"b":1}'


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (replace(DRAFT, at_ms=-1), "milliseconds"),
        (replace(DRAFT, at_ms=2**63), "milliseconds"),
        (replace(DRAFT, subject="\ud800"), "surrogates"),
        (replace(DRAFT, facts={"text": "\ud800"}), "surrogates"),
        (replace(DRAFT, event=CONTENT_ERASED), "only an erasure"),
    ],
)
def test_draft_that_cannot_be_stored_is_refused_before_it_is_queued(draft: Draft, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        seal(draft)


def test_commitment_tells_nothing_without_its_salt() -> None:
    first, second = commit(b"yes", at_ms=1), commit(b"yes", at_ms=1)
    assert first.commitment != second.commitment
    assert commitment_of(b"yes", salt=first.salt, at_ms=1) == first.commitment
    assert commitment_of(b"no", salt=first.salt, at_ms=1) != first.commitment


def test_commitments_sort_by_time() -> None:
    commitments = [commit(b"x", at_ms=at_ms).commitment for at_ms in (9, 10, 255, 256, 10**12)]
    assert commitments == sorted(commitments)
