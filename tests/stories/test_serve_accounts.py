"""A request draws on every account that limits it, and is counted for what it did take."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from passerelle.adapters.providers.replay import Replay
from passerelle.core.values.chat import spoken
from passerelle.domain.budgets.limits import NO_BUDGET, Amount, Budget
from passerelle.domain.budgets.rates import TooManyRequests
from passerelle.domain.budgets.reservations import Allowance, OverBudget
from passerelle.domain.costs.price_book import FixedPrices
from passerelle.domain.guardrails.refusals import Blocked
from passerelle.domain.identity.keys import ApiKey
from passerelle.domain.routing.plans import Target
from passerelle.stories.serve.accounts import Accounts, CallerBudgets
from passerelle.stories.serve.exchange import EmbeddingArrival, EmbeddingRequest
from passerelle.stories.serve.expected import PriceUnknown
from tests.stories.kitchen import ANSWER, PRICE, Kitchen, OneUseCase, guards, kitchen

QUESTION = "What is the transfer fee?"
COST = 140_000
"""Nano-USD of `ANSWER`: 100 tokens at 1 USD and 20 at 2 USD for a million."""
TOKENS = 120
AMPLE = Budget(day_nano=10**12)
SMALL = Target("replay", "replay-small")


@dataclass(frozen=True)
class Limits:
    """One account of each kind; None is no limit."""

    usecase: Budget = NO_BUDGET
    stage: Budget | None = None
    own: str = ""
    """Of the key itself."""
    every_key: Budget | None = None
    user: Budget | None = None
    teams: Mapping[str, Budget] = field(default_factory=dict)


async def limited(limits: Limits, *, small: Target | None = None, **setup: Any) -> Kitchen:
    here = await kitchen(**setup)
    plan = replace(here.deployment.plan, small=small)
    deployment = replace(
        here.deployment, budget=limits.usecase, stage_budget=limits.stage, plan=plan
    )
    budgets = CallerBudgets(limits.every_key, limits.user, limits.teams)
    prices = {("replay", model): PRICE for model in ("replay-1", SMALL.model)}
    parts = replace(
        here.parts,
        catalogue=OneUseCase(deployment),
        accounts=Accounts(budgets),
        prices=FixedPrices("test prices", prices),
    )
    if limits.own:
        await here.store.keys.add(replace(key_of(here), budget=limits.own))
    return replace(here, parts=parts, deployment=deployment)


def key_of(here: Kitchen) -> ApiKey:
    (key,) = here.store.keys.all("acme")
    return key


async def ask(here: Kitchen, **fields: Any) -> str:
    return (await here.serving.answer(here.arrival(QUESTION, **fields))).text


def day_of(here: Kitchen, account: str, budget: Budget = AMPLE) -> Amount:
    return here.purse.standing(Allowance(account, budget), now_ms=here.clock.now_ms()).day_spent


EVERY_ACCOUNT = Limits(AMPLE, AMPLE, "", AMPLE, AMPLE, {"support": AMPLE})


async def test_request_draws_on_use_case_stage_key_user_and_team() -> None:
    here = await limited(EVERY_ACCOUNT)
    await ask(here)
    accounts = (
        "acme/fees",
        "acme/fees@poc",
        f"acme/key/{key_of(here).public_id}",
        "acme/user/svc_1",
        "acme/team/support",
    )
    for account in accounts:
        assert day_of(here, account) == (COST, TOKENS, 1)


NOTHING = Budget(day_requests=0)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (replace(EVERY_ACCOUNT, usecase=NOTHING), "use case fees"),
        (replace(EVERY_ACCOUNT, stage=NOTHING), "stage fees@poc"),
        (replace(EVERY_ACCOUNT, own='{"per_day_requests": 0}'), "this key"),
        (replace(EVERY_ACCOUNT, every_key=NOTHING), "this key"),
        (replace(EVERY_ACCOUNT, user=NOTHING), "this user"),
        (replace(EVERY_ACCOUNT, teams={"support": NOTHING}), "team support"),
        (replace(EVERY_ACCOUNT, own='{"per_eon_usd": 1}'), "this key"),
    ],
)
async def test_one_account_that_is_used_up_refuses_and_holds_nothing_of_the_others(
    limits: Limits, named: str
) -> None:
    here = await limited(limits)
    with pytest.raises(OverBudget, match=named):
        await ask(here)
    for account in ("acme/fees", "acme/user/svc_1", "acme/team/support"):
        standing = here.purse.standing(Allowance(account, AMPLE), now_ms=here.clock.now_ms())
        assert (standing.day_held, standing.day_spent) == ((0, 0, 0), (0, 0, 0))


async def test_budget_of_a_key_stands_in_place_of_that_of_every_key() -> None:
    here = await limited(Limits(own='{"per_day_requests": 2}', every_key=NOTHING))
    await ask(here)
    await ask(here)
    with pytest.raises(OverBudget):
        await ask(here)


async def test_budgets_of_other_teams_and_keys_are_not_touched() -> None:
    here = await limited(Limits(teams={"claims": NOTHING}))
    assert await ask(here)


async def test_next_day_begins_anew_and_the_month_goes_on() -> None:
    here = await limited(Limits(own='{"per_day_requests": 1, "per_month_requests": 2}'))
    await ask(here)
    with pytest.raises(OverBudget, match="day"):
        await ask(here)
    here.clock.advance(seconds=86_400)
    await ask(here)
    here.clock.advance(seconds=86_400)
    with pytest.raises(OverBudget, match="month"):
        await ask(here)


async def test_many_at_once_do_not_pass_together_what_would_not_pass_in_turn() -> None:
    here = await limited(Limits(own='{"per_day_requests": 7}'))
    done = await asyncio.gather(*(ask(here) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(each, str) for each in done) == 7
    assert sum(isinstance(each, OverBudget) for each in done) == 23


async def test_request_that_no_provider_was_asked_for_takes_nothing() -> None:
    here = await limited(EVERY_ACCOUNT, guard_policies=guards(length={"max_characters": 5}))
    with pytest.raises(Blocked):
        await ask(here)
    for account in ("acme/fees", "acme/user/svc_1", "acme/team/support"):
        assert day_of(here, account) == (0, 0, 0)


# The small model.


async def test_small_model_serves_from_its_share_on_and_the_record_shows_who_answered() -> None:
    half = Budget(day_requests=4, downgrade_at=0.5)
    here = await limited(Limits(teams={"support": half}), small=SMALL)
    for _ in range(4):
        await ask(here)
    models = [json.loads(entry.facts)["model"] for entry in here.entries()]
    assert models == ["replay-1", "replay-1", "replay-small", "replay-small"]
    with pytest.raises(OverBudget):
        await ask(here)


async def test_answer_of_the_small_model_says_so_itself() -> None:
    here = await limited(Limits(Budget(day_requests=1_000, downgrade_at=0.001)), small=SMALL)
    await ask(here)
    checked = await here.serving.answer(here.arrival(QUESTION))
    assert checked.served.model == "replay-small"


async def test_without_a_small_model_the_usual_one_goes_on() -> None:
    here = await limited(Limits(Budget(day_requests=2, downgrade_at=0.5)))
    await ask(here)
    await ask(here)
    assert json.loads(here.entries()[-1].facts)["model"] == "replay-1"


# Unknown prices.


def without_price(here: Kitchen, *known: str) -> Kitchen:
    prices = FixedPrices("few prices", {("replay", model): PRICE for model in known})
    return replace(here, parts=replace(here.parts, prices=prices))


@pytest.mark.parametrize(
    "limits",
    [
        Limits(AMPLE),
        Limits(stage=AMPLE),
        Limits(own='{"per_month_usd": 5}'),
        Limits(user=AMPLE),
        Limits(teams={"support": AMPLE}),
    ],
)
async def test_model_without_a_price_is_not_asked_where_money_is_limited(limits: Limits) -> None:
    here = without_price(await limited(limits))
    with pytest.raises(PriceUnknown, match="unknown_price"):
        await ask(here)
    facts = here.facts()
    assert (facts["status"], facts["code"], facts["cost_nano_usd"]) == (503, "price_unknown", 0)


async def test_every_target_that_may_be_asked_needs_a_price() -> None:
    here = without_price(await limited(Limits(AMPLE), small=SMALL), "replay-1")
    with pytest.raises(PriceUnknown):
        await ask(here)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(replace(AMPLE, unknown_price="pass")),
        Limits(own='{"per_day_usd": 5, "unknown_price": "pass"}'),
        Limits(Budget(day_tokens=10_000)),
        Limits(),
    ],
)
async def test_model_without_a_price_passes_where_a_budget_says_so_or_limits_no_money(
    limits: Limits,
) -> None:
    here = without_price(await limited(limits))
    assert await ask(here)
    assert here.facts()["cost_nano_usd"] is None


async def test_embedding_needs_the_price_of_the_model_that_embeds() -> None:
    here = await limited(Limits(AMPLE))
    embedding = replace(here.deployment.plan, model="embedder")
    catalogue = OneUseCase(replace(here.deployment, embedding=embedding))
    here = replace(here, parts=replace(here.parts, catalogue=catalogue))
    arrival = EmbeddingArrival(EmbeddingRequest("fees", ("Fees",)), here.key, "req_1", 0)
    with pytest.raises(PriceUnknown):
        await here.serving.embed(arrival)


# Alerts.


async def test_alert_is_on_record_and_told_once_in_each_period() -> None:
    here = await limited(Limits(Budget(day_requests=4, alert_at=(0.5, 1.0))))
    for _ in range(4):
        await ask(here)
    alerts = here.store.ledger.entries(organisation="acme", event="budget.alert")
    facts = [json.loads(entry.facts) for entry in reversed(alerts)]
    assert [(each["name"], each["period"], each["share"]) for each in facts] == [
        ("use case fees", "day", 0.5),
        ("use case fees", "day", 1.0),
    ]
    assert {entry.subject for entry in alerts} == {"acme/fees"}
    assert here.watch.alerts == [("use case fees", 0.5), ("use case fees", 1.0)]
    here.clock.advance(seconds=86_400)
    for _ in range(3):
        await ask(here)
    assert here.watch.alerts[2:] == [("use case fees", 0.5)]


# Rates.


async def test_tokens_that_were_not_taken_are_given_back_to_the_minute() -> None:
    # Expected are far more tokens than an answer of 120 takes.
    here = await limited(Limits(Budget(tokens_per_minute=6_000)))
    checked = await here.serving.answer(here.arrival(QUESTION, max_tokens=100))
    assert checked.rates.tokens is not None
    expected = 6_000 - checked.rates.tokens.remaining
    assert expected > TOKENS
    again = await here.serving.answer(here.arrival(QUESTION, max_tokens=100))
    assert again.rates.tokens is not None
    assert again.rates.tokens.remaining == 6_000 - TOKENS - expected


async def test_tokens_beyond_what_was_expected_are_taken_from_the_minute() -> None:
    long = spoken("Four percent.", usage=replace(ANSWER.usage, output_tokens=9_000), model="m")
    here = await limited(
        Limits(Budget(tokens_per_minute=10_000)), provider=Replay(default=long), documents={}
    )
    await ask(here, max_tokens=10)
    with pytest.raises(TooManyRequests, match="tokens a minute"):
        await ask(here, max_tokens=2_000)
    here.clock.advance(seconds=60)
    await ask(here, max_tokens=10)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(Budget(requests_per_minute=2)),
        Limits(Budget(requests_per_minute=2), AMPLE),
        Limits(stage=Budget(requests_per_minute=2)),
        Limits(own='{"requests_per_minute": 2}'),
        Limits(every_key=Budget(requests_per_minute=2)),
        Limits(user=Budget(requests_per_minute=2)),
        Limits(teams={"support": Budget(requests_per_minute=2)}),
    ],
)
async def test_rate_of_every_account_holds(limits: Limits) -> None:
    here = await limited(limits)
    await ask(here)
    await ask(here)
    with pytest.raises(TooManyRequests):
        await ask(here)


async def test_drawing_on_every_account_costs_little() -> None:
    here = await limited(EVERY_ACCOUNT)
    draws = here.parts.accounts.draws(here.deployment, key_of(here).principal, key_of(here))
    assert len(draws.allowances) == 5
    rounds, best = 300, float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(rounds):
            reservation = here.purse.reserve(
                draws.allowances, Amount(5, 5, 1), now_ms=here.clock.now_ms()
            )
            here.purse.settle(reservation, Amount(4, 4, 1))
        best = min(best, (time.perf_counter() - start) / rounds)
    assert best < 0.001
