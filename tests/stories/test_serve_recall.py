"""Exchanges of one's own, shown again, continued and forgotten; those of others, never."""

from dataclasses import replace

import msgspec
import pytest

from passerelle.adapters.providers.replay import Replay
from passerelle.core.values.chat import Choice, Completion, Message, Thought, ToolCall, Usage
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.identity.grants import Forbidden
from passerelle.domain.identity.keys import Unauthenticated, mint
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.stories.serve.exchange import Arrival
from passerelle.stories.serve.recall import (
    MOST_TURNS,
    Keepsake,
    NothingToContinue,
    NotRecalled,
    Recalling,
)
from tests.stories.kitchen import PEPPER, Kitchen, guards, kitchen

CALLING = Completion(
    (
        Choice(
            "I look.",
            "tool_calls",
            tool_calls=(ToolCall("c1", "find", '{"q": "fees"}'),),
            thoughts=(Thought("Hm.", "signed"),),
            extras={"annotations": []},
        ),
    ),
    Usage(100, 20, 4, 2, 3),
    "replay-1",
)


def arrival(
    made: Kitchen, question: str, *, previous: str = "", instructions: str = "", store: bool = True
) -> Arrival:
    """As the Responses API would hand it over, with the conversation before it."""
    earlier = Recalling(made.parts).earlier(made.key, previous) if previous else ()
    head = (Message("system", instructions),) if instructions else ()
    asked = made.arrival(question)
    keepsake = Keepsake("fees", 1_700_000_000, previous, len(head), {"metadata": {"a": "b"}})
    return replace(
        asked,
        request=replace(asked.request, messages=(*head, *earlier, Message("user", question))),
        kept=keepsake.content(),
        recalled=range(len(head), len(head) + len(earlier)),
        store=store,
    )


async def ask(
    made: Kitchen, question: str, *, previous: str = "", instructions: str = "", store: bool = True
) -> str:
    """The exchange's id."""
    asked = arrival(made, question, previous=previous, instructions=instructions, store=store)
    return (await made.serving.answer(asked)).exchange_id


async def key_of(made: Kitchen, principal: Principal) -> str:
    key, record = mint(principal, pepper=PEPPER, label="x", now_ms=made.clock.now_ms())
    await made.store.keys.add(record)
    return key


def said(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


async def test_an_exchange_is_shown_as_it_was() -> None:
    made = await kitchen(provider=Replay(default=CALLING))
    exchange = await ask(made, "Fees?", instructions="Be brief.")
    recalled = await Recalling(made.parts).recall(made.key, exchange)
    assert said(recalled.messages) == [("system", "Be brief."), ("user", "Fees?")]
    assert recalled.choice == CALLING.choices[0]
    assert recalled.usage == CALLING.usage
    assert recalled.keepsake == Keepsake("fees", 1_700_000_000, "", 1, {"metadata": {"a": "b"}})
    assert (recalled.exchange_id, recalled.status, recalled.code) == (exchange, 200, "")


async def test_that_an_exchange_was_shown_is_on_record() -> None:
    made = await kitchen()
    exchange = await ask(made, "Fees?")
    await Recalling(made.parts).recall(made.key, exchange)
    _, entry = made.store.ledger.of_subject(exchange, organisation="acme")
    assert (entry.event, entry.principal) == ("content.read", "svc_1")
    assert msgspec.json.decode(entry.facts)["own"] is True


async def test_a_conversation_goes_on_where_it_was() -> None:
    made = await kitchen(provider=Replay(default=CALLING))
    first = await ask(made, "Fees?", instructions="Be brief.")
    second = await ask(made, "And refunds?", previous=first, instructions="Be polite.")
    earlier = Recalling(made.parts).earlier(made.key, second)
    assert said(earlier) == [
        ("user", "Fees?"),
        ("assistant", "I look."),
        ("user", "And refunds?"),
        ("assistant", "I look."),
    ]
    assert earlier[1].tool_calls == CALLING.choices[0].tool_calls
    assert earlier[1].thoughts == CALLING.choices[0].thoughts


async def test_what_was_said_earlier_is_kept_once() -> None:
    made = await kitchen()
    first = await ask(made, "Fees?")
    await ask(made, "And refunds?", previous=first, instructions="Be polite.")
    bodies = [made.store.ledger.content(entry.commitment) or b"" for entry in made.entries()]
    assert [b"Fees?" in body for body in bodies] == [True, False]
    assert b"Be polite." in bodies[1]


async def test_what_a_guard_hid_stays_hidden() -> None:
    made = await kitchen(guard_policies=guards(personal_data={"input": "redact"}))
    exchange = await ask(made, "I am ann@example.org. Fees?")
    recalled = await Recalling(made.parts).recall(made.key, exchange)
    assert "ann@example.org" not in recalled.messages[0].text
    assert "Fees?" in recalled.messages[0].text


async def test_a_forgotten_exchange_is_gone_and_that_is_on_record() -> None:
    made = await kitchen()
    recalling = Recalling(made.parts)
    exchange = await ask(made, "Fees?")
    await recalling.forget(made.key, exchange)
    with pytest.raises(NotRecalled, match="deleted"):
        await recalling.recall(made.key, exchange)
    with pytest.raises(NotRecalled):
        await recalling.forget(made.key, exchange)
    events = [entry.event for entry in made.store.ledger.of_subject(exchange, organisation="acme")]
    assert events == [
        "exchange.ended",
        "content.erase.intended",
        "content.erased",
        "content.erase.done",
    ]


async def test_a_conversation_with_a_hole_does_not_go_on() -> None:
    made = await kitchen()
    recalling = Recalling(made.parts)
    first = await ask(made, "Fees?")
    second = await ask(made, "And refunds?", previous=first)
    await recalling.forget(made.key, first)
    with pytest.raises(NothingToContinue, match="deleted") as caught:
        recalling.earlier(made.key, second)
    assert caught.value.param == "previous_response_id"
    assert (caught.value.status, caught.value.code) == (400, "previous_response_not_found")


async def test_what_others_asked_does_not_exist() -> None:
    made = await kitchen()
    exchange = await ask(made, "Fees?")
    colleague = Principal(
        "svc_2", "service", "colleague", made.deployment.scope, frozenset({"administrator"})
    )
    stranger = Principal(
        "svc_1", "service", "stranger", Scope("other", "x"), frozenset({"end_user"})
    )
    recalling = Recalling(made.parts)
    for other in (colleague, stranger):
        key = await key_of(made, other)
        with pytest.raises(NotRecalled) as caught:
            await recalling.recall(key, exchange)
        assert caught.value.detail == ""
        with pytest.raises(NotRecalled):
            await recalling.forget(key, exchange)
        with pytest.raises(NothingToContinue):
            recalling.earlier(key, exchange)
    assert (await recalling.recall(made.key, exchange)).exchange_id == exchange


async def test_an_unknown_caller_learns_nothing_and_is_counted() -> None:
    made = await kitchen()
    exchange = await ask(made, "Fees?")
    recalling = Recalling(made.parts)
    with pytest.raises(Unauthenticated):
        recalling.earlier("sk-wrong", exchange)
    assert made.watch.refused == ["invalid_api_key"]


async def test_who_may_only_oversee_forgets_nothing() -> None:
    made = await kitchen()
    exchange = await ask(made, "Fees?")
    overseer = Principal(
        "svc_1", "service", "caller", made.deployment.scope, frozenset({"compliance"})
    )
    key = await key_of(made, overseer)
    recalling = Recalling(made.parts)
    with pytest.raises(Forbidden):
        await recalling.forget(key, exchange)
    assert (await recalling.recall(key, exchange)).exchange_id == exchange


async def test_what_was_not_to_be_stored_is_not_recalled() -> None:
    made = await kitchen()
    exchange = await ask(made, "Fees?", store=False)
    with pytest.raises(NotRecalled, match="not to be stored"):
        await Recalling(made.parts).recall(made.key, exchange)


async def test_a_stage_that_keeps_no_content_recalls_none() -> None:
    made = await kitchen(policy=replace(DEFAULTS[Stage.POC], keep_content=False))
    exchange = await ask(made, "Fees?")
    with pytest.raises(NotRecalled, match="keeps no content"):
        await Recalling(made.parts).recall(made.key, exchange)


async def test_an_exchange_of_another_format_is_no_response() -> None:
    made = await kitchen()
    checked = await made.serving.answer(made.arrival("Fees?"))
    with pytest.raises(NotRecalled):
        await Recalling(made.parts).recall(made.key, checked.exchange_id)


async def test_an_exchange_that_came_to_no_end_is_shown_but_not_continued() -> None:
    made = await kitchen()
    stream = await made.serving.stream(arrival(made, "Fees?"))
    exchange = stream.opening.exchange_id
    await stream.aclose()
    recalling = Recalling(made.parts)
    assert (await recalling.recall(made.key, exchange)).status == 499
    with pytest.raises(NothingToContinue, match="no end"):
        recalling.earlier(made.key, exchange)


async def test_a_conversation_is_not_continued_without_end() -> None:
    made = await kitchen()
    exchange = ""
    for _ in range(3):
        exchange = await ask(made, "Fees?", previous=exchange)
    looped = Keepsake("fees", 1, previous=exchange)
    assert len(Recalling(made.parts).earlier(made.key, exchange)) == 6
    for _ in range(MOST_TURNS):
        asked = replace(made.arrival("Fees?"), kept=replace(looped, previous=exchange).content())
        exchange = (await made.serving.answer(asked)).exchange_id
    with pytest.raises(NothingToContinue, match="more than 256"):
        Recalling(made.parts).earlier(made.key, exchange)
