"""Nothing is done that cannot be recorded."""

import asyncio

import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import MemoryLedger
from passerelle.core.values.errors import NotFound
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.acts import record
from passerelle.domain.ledger.entries import Draft, LedgerUnavailable

DRAFT = Draft(
    "key.create", 5, Scope("acme", "it"), "p1", "key_1", facts={"label": "ci"}, content=b"why"
)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(SigningKey("passerelle/test", bytes(32)))


def events(ledger: MemoryLedger) -> list[str]:
    return [entry.event for entry in ledger.of_subject("key_1", organisation="acme")]


async def test_act_is_announced_done_and_recorded(ledger: MemoryLedger) -> None:
    seen: list[list[str]] = []

    async def act() -> int:
        seen.append(events(ledger))
        return 7

    recorded = await record(ledger, DRAFT, act)
    assert recorded.value == 7
    assert seen == [["key.create.intended"]]
    assert events(ledger) == ["key.create.intended", "key.create.done"]
    assert recorded.entry.facts == b'{"intent":1,"label":"ci"}'
    assert ledger.content(ledger.entries(organisation="acme")[1].commitment) == b"why"


async def test_act_is_not_done_when_its_intent_cannot_be_recorded(ledger: MemoryLedger) -> None:
    ledger.close()
    done = []

    async def act() -> None:
        done.append(1)

    with pytest.raises(LedgerUnavailable):
        await record(ledger, DRAFT, act)
    assert done == []


async def test_failed_act_is_recorded_with_its_code_and_raised(ledger: MemoryLedger) -> None:
    async def act() -> None:
        raise NotFound("Nothing here.")

    with pytest.raises(NotFound):
        await record(ledger, DRAFT, act)
    assert events(ledger) == ["key.create.intended", "key.create.failed"]
    assert b'"reason":"not_found"' in ledger.entries(organisation="acme")[0].facts


async def test_cancelled_act_is_recorded_as_failed(ledger: MemoryLedger) -> None:
    async def act() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(record(ledger, DRAFT, act))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events(ledger) == ["key.create.intended", "key.create.failed"]
