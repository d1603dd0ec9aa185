from dataclasses import replace

import pytest

from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import TooManyRequests
from passerelle.domain.budgets.reservations import OverBudget
from passerelle.domain.identity.grants import Forbidden
from passerelle.stories.serve.exchange import LOAD
from tests.stories.kitchen import Kitchen, kitchen

DEVELOPER = frozenset({"developer"})


async def asked(here: Kitchen, *, purpose: str) -> None:
    await here.serving.answer(replace(here.arrival("What is the fee?"), purpose=purpose))


async def test_load_is_told_from_live_requests_in_the_ledger() -> None:
    here = await kitchen(roles=DEVELOPER)
    await asked(here, purpose=LOAD)
    assert here.facts()["purpose"] == "load"


async def test_only_who_may_write_evidence_marks_a_request_as_load() -> None:
    here = await kitchen()
    with pytest.raises(Forbidden, match="evidence:write"):
        await asked(here, purpose=LOAD)
    assert here.entries() == ()


async def test_load_is_free_of_the_rate_limit() -> None:
    here = await kitchen(roles=DEVELOPER, budget=Budget(requests_per_minute=1))
    for _ in range(5):
        await asked(here, purpose=LOAD)
    await asked(here, purpose="live")
    with pytest.raises(TooManyRequests):
        await asked(here, purpose="live")


async def test_load_is_not_free_of_the_budget() -> None:
    here = await kitchen(roles=DEVELOPER, budget=Budget(day_nano=1))
    with pytest.raises(OverBudget):
        await asked(here, purpose=LOAD)
