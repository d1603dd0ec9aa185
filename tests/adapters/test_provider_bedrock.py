"""Bedrock over real sockets, from an upstream that checks who asks."""

import asyncio
import json
import struct
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from passerelle.adapters.providers.bedrock import BearerKey, Bedrock, Endpoint
from passerelle.core.values.chat import Options, Piece
from passerelle.core.values.clock import SetClock
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Inexpressible,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.sigv4 import Credentials
from passerelle.transport.egress.targets import NotATarget
from tests.adapters.bedrock_calls import CONVERSED, model_call, recorded_call, recorded_embedding
from tests.adapters.bedrock_frames import ANTHROPICS
from tests.adapters.bedrock_upstream import (
    BEGUN,
    HELLO,
    HELLO_STREAM,
    KEYS,
    REGION,
    STREAMED,
    always,
    provider,
    serving,
    streamed,
)
from tests.adapters.signed_upstream import (
    Answer,
    Cut,
    Judge,
    bearer,
    headers_of,
    recorded_answer,
    refused,
    signed_upstream,
)
from tests.adapters.upstream import Seen, Step, Upstream, upstream
from tests.recordings import Recorded, recorded


async def cut_short(served: Upstream, *, connections: int) -> None:
    """Waits until we have left so many."""
    async with asyncio.timeout(5):
        while served.cut_short < connections:  # noqa: ASYNC110 - the upstream tells no event
            await asyncio.sleep(0.01)


def in_order(calls: Sequence[Recorded]) -> Callable[[Seen], Answer]:
    left = deque(recorded_answer(call) for call in calls)
    return lambda _: left.popleft()


@pytest.mark.parametrize("cut", ["whole", "random", "bytes"])
async def test_every_recorded_conversation_is_served(
    data_sets: Path, clock: SetClock, cut: Cut
) -> None:
    calls = recorded(data_sets, CONVERSED)
    if cut == "bytes":
        calls = tuple(call for call in calls if len(call.body) < 3_000)
    async with serving(clock, in_order(calls), cut=cut) as (bedrock, served):
        for call in calls:
            asked = recorded_call(call)
            if call.uri.endswith("stream"):
                completion = await streamed(bedrock, asked)
            else:
                completion = await bedrock.complete(asked)
                told = json.loads(call.body)["usage"]["totalTokens"]
                assert completion.usage.input_tokens + completion.usage.output_tokens == told
            assert not completion.usage.estimated
            assert completion.model
            assert call.uri.endswith(served.seen[-1].head.split(" ")[1])
    assert served.refusals == []
    assert served.served.connections == 1


async def test_every_recorded_embedding_is_served(data_sets: Path, clock: SetClock) -> None:
    calls = recorded(data_sets, r"bedrock-runtime.*embed.*/invoke$")
    async with serving(clock, in_order(calls), cut="random") as (bedrock, served):
        for call in calls:
            embeddings = await bedrock.embed(recorded_embedding(call))
            told = int(call.headers["x-amzn-bedrock-input-token-count"])
            assert embeddings.usage.input_tokens == told
    assert served.refusals == []


async def test_recorded_answers_of_claude_by_invoke_are_served(
    data_sets: Path, clock: SetClock
) -> None:
    calls = recorded(data_sets, r"bedrock-runtime.*anthropic.*/invoke$")
    asked = model_call(
        model="eu.anthropic.claude-haiku-4-5-20251001-v1:0", options=Options(dialect="messages")
    )
    async with serving(clock, in_order(calls)) as (bedrock, served):
        for call in calls:
            completion = await bedrock.complete(asked)
            assert completion.text == json.loads(call.body)["content"][0]["text"]
    paths = [seen.head.split(" ")[1] for seen in served.seen]
    assert paths == ["/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke" for _ in calls]
    assert all("model" not in seen.json for seen in served.seen)


async def test_a_recorded_error_is_the_callers(data_sets: Path, clock: SetClock) -> None:
    calls = recorded(data_sets, "bedrock-runtime.*/count-tokens$")
    async with serving(clock, in_order(calls)) as (bedrock, _):
        with pytest.raises(ProviderRefused, match="web_search_20250305"):
            await bedrock.complete(model_call())


async def test_an_answer_whole_and_streamed_is_the_same(clock: SetClock) -> None:
    def answers(seen: Seen) -> Answer:
        return HELLO_STREAM if "converse-stream" in seen.head else HELLO

    async with serving(clock, answers) as (bedrock, served):
        whole = await bedrock.complete(model_call())
        assert whole == await streamed(bedrock, model_call())
    assert (whole.text, whole.model) == ("Hello", "us.amazon.nova-micro-v1:0")
    assert bedrock.name == "aws"
    assert served.seen[0].json == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    headers = headers_of(served.seen[0])
    assert headers["content-type"] == "application/json"
    assert headers["x-amz-security-token"] == KEYS.session_token


async def test_the_first_piece_does_not_wait_for_the_rest(clock: SetClock) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
    chunk = b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BEGUN), BEGUN)
    async with (
        upstream(lambda _: [head + chunk, 30.0]) as served,
        provider(served.url, clock) as bedrock,
    ):
        pieces = bedrock.stream(model_call())
        assert await anext(pieces) == Piece("Hel")
        await pieces.aclose()
        await cut_short(served, connections=1)


async def test_claude_is_asked_in_anthropics_format_by_clients_of_it(clock: SetClock) -> None:
    asked = model_call(
        model="eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        options=Options(max_tokens=9, extras={"top_k": 5}, dialect="messages"),
    )
    answer = Answer(ANTHROPICS, headers=STREAMED)
    async with serving(clock, always(answer), cut="random") as (bedrock, served):
        completion = await streamed(bedrock, asked)
    assert (completion.text, completion.usage.output_tokens) == ("Hi", 5)
    assert served.seen[0].head.split(" ")[1].endswith("/invoke-with-response-stream")
    assert served.seen[0].json == {
        "anthropic_version": "bedrock-2023-05-31",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "max_tokens": 9,
        "top_k": 5,
    }


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-3:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
        "strange model/with ünïcode?and#more%20",
    ],
)
async def test_ids_of_all_kinds_are_signed_as_they_are_sent(model: str, clock: SetClock) -> None:
    async with serving(clock, always(HELLO)) as (bedrock, served):
        assert (await bedrock.complete(model_call(model=model))).text == "Hello"
    assert served.seen[0].head.split(" ")[1].count("/") == 3


@pytest.mark.parametrize("model", ["", ".", ".."])
async def test_an_id_that_would_lead_elsewhere_is_not_sent(model: str, clock: SetClock) -> None:
    async with serving(clock, always(HELLO)) as (bedrock, served):
        with pytest.raises(ProviderMisconfigured, match="does not know the model"):
            await bedrock.complete(model_call(model=model))
    assert served.seen == []


async def test_each_request_is_signed_at_its_own_time(clock: SetClock) -> None:
    async with serving(clock, always(HELLO)) as (bedrock, served):
        for _ in range(3):
            await bedrock.complete(model_call())
            clock.advance(seconds=7_000)
    stamps = [headers_of(seen)["x-amz-date"] for seen in served.seen]
    assert len(set(stamps)) == 3


@pytest.mark.parametrize("judge", [bearer("bedrock-api-key-x")])
async def test_a_bearer_key_is_enough(judge: Judge, clock: SetClock) -> None:
    async with signed_upstream(judge, always(HELLO)) as served:
        async with provider(served.url, clock, BearerKey("bedrock-api-key-x")) as bedrock:
            assert (await bedrock.complete(model_call())).text == "Hello"
        async with provider(served.url, clock, BearerKey("other")) as bedrock:
            with pytest.raises(ProviderMisconfigured):
                await bedrock.complete(model_call())


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("https://host.example", REGION, BearerKey("key\r\nx: y")),
        Endpoint("https://host.example", REGION, Credentials("id", "secret", "token\r\nx: y")),
        Endpoint("ftp://host.example", REGION, KEYS),
    ],
)
def test_keys_and_addresses_that_would_break_a_request_are_refused_at_once(
    endpoint: Endpoint, clock: SetClock
) -> None:
    with pytest.raises(NotATarget):
        Bedrock("aws", endpoint, Connections(), clock)


async def test_an_answer_that_comes_whole_where_a_stream_was_asked_is_taken(
    clock: SetClock,
) -> None:
    async with serving(clock, always(HELLO)) as (bedrock, _):
        assert (await streamed(bedrock, model_call())).text == "Hello"


async def test_what_bedrock_cannot_say_is_refused_before_anything_is_sent(
    clock: SetClock,
) -> None:
    call = model_call(options=Options(n=2))
    async with serving(clock, always(HELLO)) as (bedrock, served):
        for ask in (bedrock.complete, lambda call: streamed(bedrock, call)):
            with pytest.raises(Inexpressible):
                await ask(call)
    assert served.seen == []


def vector_of(seen: Seen) -> Answer:
    number = float(seen.json["inputText"])
    body = json.dumps({"embedding": [number], "inputTextTokenCount": 2}).encode()
    return Answer(body)


async def test_many_texts_are_embedded_at_once_and_in_order(clock: SetClock) -> None:
    texts = tuple(str(number) for number in range(30))
    async with serving(clock, vector_of) as (bedrock, served):
        made = await bedrock.embed(EmbeddingCall("amazon.titan-embed-text-v2:0", texts, 10.0))
    assert made.vectors == tuple(struct.pack("<f", float(text)) for text in texts)
    assert made.usage.input_tokens == 60
    assert 1 < served.served.connections <= 8


async def test_one_text_that_fails_ends_the_call_at_once(clock: SetClock) -> None:
    busy = refused("ThrottlingException", "Too many requests.", 429)

    def script(seen: Seen) -> list[Step]:
        if seen.json["inputText"] != "1":
            return [30.0]
        head = f"HTTP/1.1 429 Too Many\r\ncontent-length: {len(busy.body)}\r\n"
        kind = "x-amzn-errortype: ThrottlingException\r\n\r\n"
        return [head.encode() + kind.encode() + busy.body]

    async with upstream(script) as served, provider(served.url, clock) as bedrock:
        call = EmbeddingCall("amazon.titan-embed-text-v2:0", ("0", "1", "2"), 20.0)
        async with asyncio.timeout(5):
            with pytest.raises(ProviderOverloaded):
                await bedrock.embed(call)
        await cut_short(served, connections=2)
