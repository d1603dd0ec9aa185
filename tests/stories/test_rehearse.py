"""A case asked through the real serving path."""

from dataclasses import replace

import msgspec
import pytest

from passerelle.adapters.providers.replay import Damage, Replay
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Support
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import TooManyRequests
from passerelle.domain.budgets.reservations import OverBudget
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.identity.grants import Forbidden
from passerelle.domain.routing.providers import ProviderFailed
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.stories.serve.parts import ModelNotFound
from passerelle.stories.serve.rehearse import Rehearsal
from tests.stories.kitchen import ANSWER, SCOPE, Kitchen, guards, kitchen, saying

OPERATOR = Principal("per_1", "person", "Ada", SCOPE, frozenset({"developer"}))
FEE = Case("fee", "What is the transfer fee?", "4 percent", ("fees.md",), True, "facts")


def rehearsal(here: Kitchen) -> Rehearsal:
    return Rehearsal(here.parts, OPERATOR)


def says(text: str) -> Replay:
    return Replay(default=saying(text))


async def test_a_trial_tells_what_was_answered_and_what_it_took() -> None:
    here = await kitchen()
    trial = await rehearsal(here).answer("fees", FEE)
    assert (trial.case_id, trial.answer, trial.status) == ("fee", ANSWER.text, 200)
    assert trial.cited_documents == ("fees.md",)
    assert (trial.support, trial.refused) == (Support.SUPPORTED, False)
    assert trial.cost_nano_usd == 100 * 1_000 + 20 * 2_000


async def test_it_is_an_exchange_that_says_it_was_a_rehearsal() -> None:
    here = await kitchen()
    trial = await rehearsal(here).answer("fees", FEE)
    (entry,) = here.entries()
    assert (entry.subject, entry.principal) == (trial.exchange_id, OPERATOR.id)
    assert here.facts()["purpose"] == "rehearsal"
    assert here.content()["answer"] == ANSWER.text


async def test_what_a_client_asks_says_it_is_live() -> None:
    here = await kitchen()
    await here.serving.answer(here.arrival("What is the transfer fee?"))
    assert here.facts()["purpose"] == "live"


async def test_it_gives_the_answer_that_a_client_would_get() -> None:
    here = await kitchen(guard_policies=guards(personal_data={"output": "redact"}))
    here = replace(
        here,
        parts=replace(here.parts, providers={"replay": says("Ask eva@example.org. [1]")}),
    )
    trial = await rehearsal(here).answer("fees", FEE)
    checked = await here.serving.answer(here.arrival(FEE.question))
    assert trial.answer == checked.text == "Ask [email]. [1]"


async def test_the_prompts_own_words_for_not_knowing_are_a_refusal() -> None:
    here = await kitchen(provider=says("I do not know."))
    trial = await rehearsal(here).answer("fees", FEE)
    assert trial.refused
    assert (trial.support, trial.cited_documents) == (Support.NOT_SCANNED, ())


async def test_an_answer_that_the_stage_replaces_is_a_refusal() -> None:
    policy = replace(DEFAULTS[Stage.POC], unsupported="refuse")
    here = await kitchen(provider=says("Wizards from Mars own 97 castles."), policy=policy)
    trial = await rehearsal(here).answer("fees", FEE)
    assert (trial.refused, trial.answer) == (True, "I do not know.")
    assert trial.support is Support.NOT_SCANNED


async def test_a_question_that_a_guard_blocks_is_a_trial_that_was_refused() -> None:
    here = await kitchen(guard_policies=guards(length={"max_characters": 10}))
    trial = await rehearsal(here).answer("fees", FEE)
    assert (trial.refused, trial.status, trial.answer) == (True, 400, "")
    assert here.facts()["status"] == 400


async def test_a_provider_that_fails_is_no_fault_of_the_question() -> None:
    here = await kitchen(provider=Replay(default=ANSWER, damage=Damage("status")))
    with pytest.raises(ProviderFailed):
        await rehearsal(here).answer("fees", FEE)
    assert here.facts()["purpose"] == "rehearsal"


async def test_it_is_paid_from_the_budget_and_stops_with_it() -> None:
    here = await kitchen(budget=Budget(day_nano=1))
    with pytest.raises(OverBudget):
        await rehearsal(here).answer("fees", FEE)


async def test_it_counts_in_the_rate_limit() -> None:
    here = await kitchen(budget=Budget(requests_per_minute=1))
    asks = rehearsal(here)
    await asks.answer("fees", FEE)
    with pytest.raises(TooManyRequests) as refusal:
        await asks.answer("fees", FEE)
    assert refusal.value.retry_after_seconds


async def test_the_target_says_what_would_answer() -> None:
    here = await kitchen()
    target = rehearsal(here).target("fees")
    assert (target.usecase, target.prompt_name) == ("fees", "v1")
    assert target.release == here.deployment.release
    assert target.prompt == here.deployment.prompt.digest


async def test_a_model_that_does_not_exist_is_refused_before_anything_is_recorded() -> None:
    here = await kitchen()
    with pytest.raises(ModelNotFound):
        rehearsal(here).target("nothing")
    with pytest.raises(ModelNotFound):
        await rehearsal(here).answer("nothing", FEE)
    assert here.entries() == ()


async def test_whoever_may_not_ask_may_not_rehearse() -> None:
    here = await kitchen()
    with pytest.raises(Forbidden):
        Rehearsal(here.parts, replace(OPERATOR, roles=frozenset({"compliance"})))


async def test_facts_hold_no_text_of_the_case() -> None:
    here = await kitchen()
    await rehearsal(here).answer("fees", FEE)
    (entry,) = here.entries()
    assert FEE.id not in msgspec.json.decode(entry.facts)
    assert b"transfer" not in entry.facts
