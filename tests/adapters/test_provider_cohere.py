"""Cohere over real sockets, from an upstream that checks who is asking."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.cohere import Cohere
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.chat import Message, Usage
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Inexpressible,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.wire.cohere_answers import decode_completion
from passerelle.transport.wire.vectors import packed
from tests.adapters.google_upstream import path_of
from tests.adapters.signed_upstream import (
    Answer,
    Cut,
    SignedUpstream,
    headers_of,
    recorded_answer,
    signed_upstream,
)
from tests.adapters.upstream import Seen, chunked, until, upstream
from tests.recordings import Recorded, recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to

KEY = "co-0123456789-abcdefghij"
CALL = call_to("command-a-03-2025", Message("user", "How warm is it in Oslo?"))
USAGE = {"billed_units": {"input_tokens": 5, "output_tokens": 3}}
WHOLE = {
    "id": "1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "It is 4 °C 🙂"}]},
    "usage": USAGE,
}


def as_json(told: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(told).encode(), status)


def said(text: str) -> Any:
    return {"type": "content-delta", "delta": {"message": {"content": {"text": text}}}}


def ended(**delta: Any) -> Any:
    return {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE} | delta}


def as_events(*told: Any) -> Answer:
    body = "".join(f"event: {each.get('type')}\ndata: {json.dumps(each)}\n\n" for each in told)
    return Answer(body.encode(), headers=(("content-type", "text/event-stream"),))


def judge(seen: Seen) -> Answer | None:
    if headers_of(seen).get("authorization") == f"Bearer {KEY}":
        return None
    return as_json({"id": "1", "message": "invalid api token"}, 401)


@asynccontextmanager
async def cohere_of(
    answers: Callable[[Seen], Answer], *, key: str = KEY, cut: Cut = "whole"
) -> AsyncGenerator[tuple[Cohere, SignedUpstream], None]:
    async with signed_upstream(judge, answers, cut=cut) as there:
        provider = Cohere("cohere", there.url, key, Connections())
        yield provider, there
        await provider.close()


async def failure_of(answer: Answer, *, key: str = KEY) -> ProviderFailed:
    async with cohere_of(lambda _: answer, key=key) as (provider, _):
        with pytest.raises(ProviderFailed) as caught:
            await provider.complete(CALL)
    return caught.value


async def test_recorded_calls_come_back(data_sets: Path) -> None:
    found = recorded(data_sets, r"api\.cohere\.com/v2/chat")
    assert len(found) >= 2
    waiting: list[Recorded] = []
    async with cohere_of(lambda _: recorded_answer(waiting[0]), cut="random") as (provider, there):
        for each in found:
            waiting[:] = [each]
            assert await provider.complete(CALL) == decode_completion(each.body)
            assert each.uri.endswith(path_of(there.seen[-1]))


@pytest.mark.parametrize("cut", ["whole", "bytes", "random"])
async def test_answer_is_the_same_whole_and_streamed(cut: Cut) -> None:
    def answers(seen: Seen) -> Answer:
        if not seen.json["stream"]:
            return as_json(WHOLE)
        return as_events({"type": "message-start"}, said("It is 4 "), said("°C 🙂"), ended())

    async with cohere_of(answers, cut=cut) as (provider, there):
        completion = await provider.complete(CALL)
        pieces = [piece async for piece in provider.stream(CALL)]
    assert (completion.text, completion.usage) == ("It is 4 °C 🙂", Usage(5, 3))
    assert gathered(pieces) == completion
    assert [path_of(seen) for seen in there.seen] == ["/v2/chat"] * 2
    assert there.served.connections == 1


async def test_address_may_hold_the_version() -> None:
    async with signed_upstream(judge, lambda _: as_json(WHOLE)) as there:
        provider = Cohere("cohere", f"{there.url}/v2", KEY, Connections())
        await provider.complete(CALL)
        await provider.close()
    assert path_of(there.seen[0]) == "/v2/chat"


async def test_key_that_is_not_valid_is_our_fault_and_stays_secret() -> None:
    failure = await failure_of(as_json(WHOLE), key="co-wrong-wrong")
    assert isinstance(failure, ProviderMisconfigured)
    assert "co-wrong" not in failure.message


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (as_json({"message": "p must be below 1"}, 400), ProviderRefused, "p must be below 1"),
        (as_json({"message": f"not {KEY}"}, 422), ProviderRefused, "not ***"),
        (as_json({"message": "no such model"}, 404), ProviderMisconfigured, ""),
        (as_json({"message": "bad token"}, 498), ProviderMisconfigured, "credentials"),
        (as_json({"message": "slow down"}, 429), ProviderOverloaded, ""),
        (as_json({"message": "gone"}, 499), ProviderOverloaded, ""),
        (as_json({"message": "late"}, 504), ProviderTimedOut, ""),
        (Answer(b"<html>", 500), ProviderFailed, "status 500"),
        (Answer(b"<html>"), Unreadable, "sent something else than an answer"),
        (as_json(WHOLE | {"finish_reason": "TIMEOUT"}), ProviderTimedOut, ""),
        (as_json(WHOLE | {"finish_reason": "ERROR"}), ProviderFailed, "status 500"),
    ],
)
async def test_what_cohere_says_went_wrong_is_said_in_our_words(
    answer: Answer, kind: type[ProviderFailed], words: str
) -> None:
    failure = await failure_of(answer)
    assert type(failure) is kind
    assert words in failure.message


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([said("It ")], AnswerCutOff),
        ([said("It "), ended(finish_reason="TIMEOUT")], ProviderTimedOut),
        ([said("It "), {"message": "odd"}], ProviderFailed),
        ([said("It "), {"type": 7}], Unreadable),
    ],
)
async def test_stream_that_breaks_gives_out_what_it_had(
    events: list[Any], kind: type[ProviderFailed]
) -> None:
    got = []
    failures = []
    async with cohere_of(lambda _: as_events(*events)) as (provider, _):
        try:
            async for piece in provider.stream(CALL):
                got += [piece.text]
        except ProviderFailed as failure:
            failures.append(type(failure))
    assert (got, failures) == (["It "], [kind])


async def test_stream_that_is_left_is_cancelled_at_the_upstream() -> None:
    async with upstream(lambda _: [*chunked(as_events(said("It ")).body)[:-1], 5.0]) as there:
        provider = Cohere("cohere", there.url, KEY, Connections())
        pieces = provider.stream(CALL)
        assert (await anext(pieces)).text == "It "
        await pieces.aclose()
        await until(lambda: there.cut_short == 1)
        await provider.close()


async def test_event_that_is_too_long_is_not_read() -> None:
    async with cohere_of(lambda _: as_events(said("x" * 1_100_000))) as (provider, _):
        with pytest.raises(Unreadable, match="too long"):
            [piece async for piece in provider.stream(CALL)]


async def test_upstream_that_is_slow_or_gone_is_told_apart() -> None:
    async with upstream(lambda _: [5.0]) as there:
        provider = Cohere("cohere", there.url, KEY, Connections())
        with pytest.raises(ProviderTimedOut):
            await provider.complete(replace(CALL, deadline_seconds=0.05))
    with pytest.raises(ProviderFailed) as caught:
        await provider.complete(CALL)
    assert type(caught.value) is ProviderFailed
    assert provider.name == "cohere"
    await provider.close()


async def test_embeddings_take_as_many_requests_as_they_need() -> None:
    def answers(seen: Seen) -> Answer:
        texts = seen.json["texts"]
        billed = {"billed_units": {"input_tokens": len(texts)}}
        return as_json({"embeddings": {"float": [[float(t), 1.0] for t in texts]}, "meta": billed})

    numbers = tuple(str(number) for number in range(200))
    async with cohere_of(answers) as (provider, there):
        embeddings = await provider.embed(EmbeddingCall("embed-v4.0", numbers, 5))
        with pytest.raises(Inexpressible):
            await provider.embed(EmbeddingCall("embed-v4.0", ((1,),), 5))
    assert embeddings.vectors == tuple(packed([float(number), 1]) for number in numbers)
    assert embeddings.usage == Usage(input_tokens=200)
    assert [path_of(seen) for seen in there.seen] == ["/v2/embed"] * 3
