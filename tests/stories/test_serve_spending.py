"""What a request sets aside, and what becomes of it however the request ends."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import TooManyRequests
from passerelle.domain.ledger.entries import Draft, Entry, Ledger
from tests.stories.kitchen import ANSWER, Kitchen, kitchen

QUESTION = "What is the transfer fee?"
USED = ANSWER.usage.input_tokens + ANSWER.usage.output_tokens


@dataclass
class Hesitant:
    """A ledger that takes an entry at once and says so only when it is let."""

    behind: Ledger
    taken: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, draft: Draft) -> Entry:
        entry = await self.behind.append(draft)
        self.taken.put_nowait(draft.event)
        await self.let.wait()
        return entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


async def ask(here: Kitchen, **fields: Any) -> str:
    return (await here.serving.answer(here.arrival(QUESTION, **fields))).text


async def left_of_the_minute(here: Kitchen) -> int:
    """Tokens, once another request was let through."""
    checked = await here.serving.answer(here.arrival(QUESTION, max_tokens=100))
    assert checked.rates.tokens is not None
    return checked.rates.tokens.remaining


async def test_refused_request_gives_no_tokens_back_that_it_never_took() -> None:
    here = await kitchen(budget=Budget(tokens_per_minute=6_000))
    before = await left_of_the_minute(here)
    for _ in range(20):
        with pytest.raises(TooManyRequests):
            await ask(here, max_tokens=50_000)
    assert await left_of_the_minute(here) == before - USED


async def test_alert_is_on_record_though_the_client_leaves_while_its_exchange_is_written() -> None:
    here = await kitchen(budget=Budget(day_requests=2, alert_at=(0.5, 1.0)))
    hesitant = Hesitant(here.store.ledger)
    here = replace(here, parts=replace(here.parts, ledger=hesitant))
    for _ in range(2):
        asked = asyncio.create_task(ask(here))
        assert await hesitant.taken.get() == "exchange.ended"
        asked.cancel()
        assert await hesitant.taken.get() == "budget.alert"
        hesitant.let.set()
        with pytest.raises(asyncio.CancelledError):
            await asked
        hesitant.let.clear()
    assert len(here.watch.ended) == 2
