"""Who may erase, what goes, and what stays."""

from dataclasses import replace

import pytest

from passerelle.adapters.store.memory import MemoryLedger
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import Forbidden, Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import permissions_of
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.govern.audit import verify
from passerelle.stories.govern.erase import erase_content
from tests.campaigns.ledgers import SIGNER, draft


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(SIGNER)


def officer(organisation: str = "acme") -> Principal:
    scope = Scope(organisation, "legal")
    return Principal("person_9", "person", "Eve", scope, frozenset({"compliance"}))


def granted(organisation: str = "acme") -> Granted:
    return authorise(officer(organisation), Permission.LEDGER_ERASE)


async def test_contents_of_an_exchange_go_and_its_entries_stay(
    ledger: MemoryLedger, clock: SetClock
) -> None:
    first = await ledger.append(draft(1))
    second = await ledger.append(replace(draft(1), event="flag.create.done"))
    other = await ledger.append(draft(2))
    recorded = await erase_content(
        granted(), ledger, subject=first.subject, reason="asked", clock=clock
    )
    assert [ledger.content(entry.commitment) for entry in (first, second)] == [None, None]
    assert ledger.content(other.commitment) is not None
    story = [entry.event for entry in ledger.of_subject(first.subject, organisation="acme")]
    assert story == [
        "exchange.ended",
        "flag.create.done",
        "content.erase.intended",
        "content.erased",
        "content.erased",
        "content.erase.done",
    ]
    assert recorded.entry.principal == "person_9"
    assert len(recorded.value.entries) == 2
    assert (verify(ledger).ok, verify(ledger).erased) == (True, 2)


async def test_another_organisation_cannot_erase(ledger: MemoryLedger, clock: SetClock) -> None:
    entry = await ledger.append(draft(1))
    with pytest.raises(NotFound):
        await erase_content(
            granted("other"), ledger, subject=entry.subject, reason="asked", clock=clock
        )
    assert ledger.content(entry.commitment) is not None
    assert ledger.head().size == 1


async def test_proof_for_something_else_does_not_erase(
    ledger: MemoryLedger, clock: SetClock
) -> None:
    entry = await ledger.append(draft(1))
    held = next(
        permission
        for permission in permissions_of(frozenset({"compliance"}))
        if permission is not Permission.LEDGER_ERASE
    )
    wrong = authorise(officer(), held)
    with pytest.raises(Forbidden):
        await erase_content(wrong, ledger, subject=entry.subject, reason="asked", clock=clock)
    assert ledger.content(entry.commitment) is not None


async def test_second_erasure_finds_nothing(ledger: MemoryLedger, clock: SetClock) -> None:
    entry = await ledger.append(draft(1))
    await erase_content(granted(), ledger, subject=entry.subject, reason="asked", clock=clock)
    with pytest.raises(NotFound):
        await erase_content(granted(), ledger, subject=entry.subject, reason="again", clock=clock)


async def test_nothing_is_erased_when_it_cannot_be_recorded(
    ledger: MemoryLedger, clock: SetClock
) -> None:
    entry = await ledger.append(draft(1))
    ledger.close()
    with pytest.raises(LedgerUnavailable):
        await erase_content(granted(), ledger, subject=entry.subject, reason="asked", clock=clock)
    assert ledger.content(entry.commitment) is not None
