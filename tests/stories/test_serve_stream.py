"""What happens to one request that wants a stream."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.providers.replay import Damage, Pace, Replay
from passerelle.core.values.scope import Stage
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.guardrails.refusals import DEFAULT_REFUSAL, Blocked
from passerelle.domain.routing.providers import ProviderFailed
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.stories.serve.exchange import Checked, CheckedStream, CheckedWindow
from tests.stories.kitchen import ANSWER, Kitchen, guards, kitchen, saying


async def read(stream: CheckedStream) -> tuple[str, Checked]:
    text, last = "", None
    async for part in stream:
        match part:
            case CheckedWindow():
                assert last is None, "nothing may follow the end"
                text += part.piece.text
            case Checked():
                last = part
    assert last is not None
    return text, last


async def opened(here: Kitchen, question: str = "What is the transfer fee?") -> CheckedStream:
    return await here.serving.stream(here.arrival(question, stream=True))


async def test_windows_add_up_to_the_checked_answer() -> None:
    here = await kitchen()
    text, last = await read(await opened(here))
    assert text == last.text == ANSWER.text
    assert here.facts()["status"] == 200


async def test_entry_is_there_before_the_last_part() -> None:
    here = await kitchen()
    async for part in await opened(here):
        assert bool(here.entries()) == isinstance(part, Checked)


@given(size=st.integers(1, 40), before=st.text("ab 1.", max_size=30))
async def test_blocked_text_never_leaves_however_the_provider_cuts(size: int, before: str) -> None:
    leaky = saying(f"{before} Write to eva@example.org today.")
    provider = Replay(default=leaky, pace=Pace(chunk_characters=size))
    here = await kitchen(
        provider=provider, guard_policies=guards(personal_data={"output": "block"})
    )
    text, last = await read(await opened(here))
    assert "eva" not in text.removesuffix(DEFAULT_REFUSAL)
    assert last.finish_reason == "content_filter"
    assert "eva@" not in str(here.content()["answer"])


async def test_refusals_that_can_be_known_early_are_raised_before_the_stream() -> None:
    here = await kitchen(guard_policies=guards(personal_data={"input": "block"}))
    with pytest.raises(Blocked):
        await opened(here, "Fee for eva@example.org?")
    assert here.facts()["code"] == "content_blocked"


async def test_nothing_leaves_before_the_whole_is_known_where_the_stage_refuses() -> None:
    invented = Replay(default=saying("The fee is 9 percent in Denmark. [1]"))
    policy = replace(DEFAULTS[Stage.POC], unsupported="refuse")
    here = await kitchen(provider=invented, policy=policy)
    text, last = await read(await opened(here))
    assert text == last.text == "I do not know."


async def test_client_that_leaves_in_the_middle_is_recorded_with_what_was_used() -> None:
    budget = Budget(day_nano=10_000_000_000)
    here = await kitchen(budget=budget)
    stream = await opened(here)
    async for _ in stream:
        break
    await stream.aclose()
    facts = here.facts()
    assert (facts["status"], facts["cut_off"], facts["usage_estimated"]) == (499, True, True)
    standing = here.standing(budget)
    assert (standing.day_held.nano, standing.day_spent.nano) == (0, facts["cost_nano_usd"])


async def test_client_that_leaves_before_the_first_window_is_recorded_once() -> None:
    here = await kitchen()
    stream = await opened(here)
    await stream.aclose()
    assert here.facts()["cut_off"] is True


async def test_closing_after_the_end_adds_nothing() -> None:
    here = await kitchen()
    stream = await opened(here)
    await read(stream)
    await stream.aclose()
    assert len(here.entries()) == 1


async def test_provider_that_breaks_off_is_a_clean_failure_on_record() -> None:
    here = await kitchen(provider=Replay(default=ANSWER, damage=Damage("cut")))
    with pytest.raises(ProviderFailed):
        await read(await opened(here))
    assert here.facts()["status"] == 502
