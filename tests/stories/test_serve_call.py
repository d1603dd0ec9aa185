"""One answer, several targets: retries, fallbacks, hedges, circuits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from passerelle.adapters.providers.replay import Damage, Pace, Replay
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.costs.price_book import FixedPrices
from passerelle.domain.routing.health import STRIKES, Circuit
from passerelle.domain.routing.plans import Hedge, Plan, Target
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderTimedOut,
)
from passerelle.stories.serve.exchange import Checked
from tests.stories.kitchen import ANSWER, PRICE, Kitchen, kitchen, saying

FIRST, SECOND = Target("replay", "replay-1"), Target("other", "replay-2")


class Scripted:
    """A provider whose first calls fail as told; then it answers. Counts what it is asked."""

    name = "replay"

    def __init__(self, *failures: ProviderFailed, answer: Completion = ANSWER) -> None:
        self._failures = list(failures)
        self._provider = Replay(default=answer)
        self.asked = 0

    async def complete(self, call: ModelCall) -> Completion:
        self._fail()
        return await self._provider.complete(call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        self._fail()
        async with aclosing(self._provider.stream(call)) as pieces:
            async for piece in pieces:
                yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        return await self._provider.embed(call)

    async def close(self) -> None:
        """Holds nothing."""

    def _fail(self) -> None:
        self.asked += 1
        if self._failures:
            raise self._failures.pop(0)


async def routed(first: Provider, second: Provider, **fields: object) -> Kitchen:
    """Two targets: the second stands behind the first."""
    here = await kitchen(provider=first)
    plan = Plan("replay", "replay-1", 5.0, retries=0, fallbacks=(SECOND,))
    deployment = replace(here.deployment, plan=replace(plan, **fields))  # type: ignore[arg-type]
    prices = FixedPrices("test", {("replay", "replay-1"): PRICE, ("other", "replay-2"): PRICE})
    parts = replace(
        here.parts,
        catalogue=type(here.parts.catalogue)(deployment),  # type: ignore[call-arg]
        providers={"replay": first, "other": second},
        prices=prices,
        chance=lambda: 0.0,
    )
    return replace(here, parts=parts, deployment=deployment)


async def read(here: Kitchen) -> Checked:
    stream = await here.serving.stream(here.arrival("What is the fee?", stream=True))
    items = [item async for item in stream]
    assert isinstance(items[-1], Checked)
    return items[-1]


@pytest.mark.parametrize("streams", [False, True])
async def test_fallback_answers_and_the_record_says_who_did(*, streams: bool) -> None:
    here = await routed(Scripted(ProviderFailed()), Scripted())
    arrival = here.arrival("What is the fee?")
    checked = await read(here) if streams else await here.serving.answer(arrival)
    assert (checked.text, checked.served.provider) == (ANSWER.text, "other")
    facts = here.facts()
    assert (facts["provider"], facts["model"], facts["status"]) == ("other", "replay-2", 200)
    assert [each["code"] for each in facts["attempts"]] == ["provider_failed", ""]  # type: ignore[union-attr,index,call-overload]


async def test_failure_after_the_first_piece_is_told_and_nobody_else_is_asked() -> None:
    second = Scripted()
    here = await routed(Replay(default=ANSWER, damage=Damage("cut")), second)
    with pytest.raises(ProviderFailed):
        await read(here)
    assert second.asked == 0
    assert here.facts()["status"] == 502


async def test_target_is_asked_again_before_the_fallback() -> None:
    first, second = Scripted(ProviderOverloaded(retry_after_seconds=None)), Scripted()
    here = await routed(first, second, retries=1)
    checked = await here.serving.answer(here.arrival("Hi"))
    assert (checked.served.provider, first.asked, second.asked) == ("replay", 2, 0)


async def test_bad_credentials_are_not_tried_again() -> None:
    first, second = Scripted(ProviderMisconfigured()), Scripted()
    here = await routed(first, second, retries=3)
    await here.serving.answer(here.arrival("Hi"))
    assert (first.asked, second.asked) == (1, 1)


async def test_slow_first_piece_goes_to_the_fallback() -> None:
    here = await routed(
        Replay(default=ANSWER, pace=Pace(latency_seconds=30)), Scripted(), attempt_seconds=0.05
    )
    assert (await read(here)).served.provider == "other"


async def test_no_wait_outlasts_the_deadline_of_the_whole() -> None:
    here = await routed(
        Scripted(ProviderOverloaded(retry_after_seconds=50)),
        Scripted(ProviderOverloaded(retry_after_seconds=50)),
        retries=5,
    )
    async with asyncio.timeout(2):
        with pytest.raises(ProviderOverloaded):
            await here.serving.answer(here.arrival("Hi"))


async def test_circuit_that_is_open_is_not_asked_and_says_when_to_come_again() -> None:
    broken, other = Scripted(*[ProviderTimedOut() for _ in range(99)]), Scripted()
    here = await routed(broken, other, fallbacks=())
    for _ in range(STRIKES):
        with pytest.raises(ProviderTimedOut):
            await here.serving.answer(here.arrival("Hi"))
    with pytest.raises(ProviderOverloaded) as refused:
        await here.serving.answer(here.arrival("Hi"))
    assert broken.asked == STRIKES
    assert refused.value.retry_after_seconds == 2.0
    now_ns = here.clock.monotonic_ns()
    assert here.parts.health.standing(FIRST, now_ns).circuit is Circuit.OPEN


async def test_hedge_takes_the_faster_answer_and_pays_for_both() -> None:
    slow = Replay(default=ANSWER, pace=Pace(latency_seconds=30))
    here = await routed(slow, Scripted(answer=saying("Fast. [1]")), hedge=Hedge(0.01, 1.0))
    checked = await here.serving.answer(here.arrival("What is the fee?"))
    assert (checked.text, checked.served.provider) == ("Fast. [1]", "other")
    facts = here.facts()
    assert facts["dropped"] == 1
    # 1 and 2 USD for a million tokens: the answer's 100 and 20, and the lost call's 100.
    assert facts["cost_nano_usd"] == (100 + 2 * 20 + 100) * 1_000


async def test_hedges_stay_below_their_share() -> None:
    slow = Replay(default=ANSWER, pace=Pace(latency_seconds=0.02))
    fast = Scripted()
    here = await routed(slow, fast, hedge=Hedge(0.001, 0.25))
    for _ in range(8):
        await here.serving.answer(here.arrival("What is the fee?"))
    assert fast.asked == 2


async def test_race_that_both_lose_is_a_failure_on_record() -> None:
    here = await routed(
        Replay(default=ANSWER, pace=Pace(latency_seconds=0.02), damage=Damage("status")),
        Scripted(ProviderFailed()),
        hedge=Hedge(0.001, 1.0),
    )
    with pytest.raises(ProviderFailed):
        await here.serving.answer(here.arrival("Hi"))
    assert (here.facts()["status"], here.facts()["cost_nano_usd"]) == (502, 0)


async def test_client_that_leaves_a_whole_answer_pays_for_what_it_asked() -> None:
    here = await routed(Replay(default=ANSWER, pace=Pace(latency_seconds=30)), Scripted())
    task = asyncio.create_task(here.serving.answer(here.arrival("What is the fee?")))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    facts = here.facts()
    assert (facts["status"], facts["usage_estimated"], facts["output_tokens"]) == (499, True, 0)
    assert int(str(facts["cost_nano_usd"])) > 0
