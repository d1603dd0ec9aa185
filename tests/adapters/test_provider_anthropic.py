"""Anthropic as a provider, against upstreams that answer in every way seen."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.anthropic import Anthropic
from passerelle.adapters.providers.pieces import Gathering
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.chat import (
    Completion,
    Message,
    Options,
    Piece,
    Usage,
    spoken,
)
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Inexpressible,
    ModelCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.wire.anthropic_answers import decode_completion
from passerelle.transport.wire.anthropic_messages import decode_request
from tests.adapters.upstream import Script, Step, Upstream, answer, chunked, until, upstream
from tests.recordings import Recorded, recorded

SECRET = "sk-ant-0123456789abcdef"
TEXT = "Schlüssel beginnen mit sk-: 東京 🙂."
USAGE = {"input_tokens": 15, "cache_read_input_tokens": 5, "output_tokens": 6}
TOLD = Usage(20, 6, cached_input_tokens=5)
MODEL = "claude-sonnet-4-5"
CALL = ModelCall(
    model=MODEL,
    messages=(Message("system", "Be brief."), Message("user", "How do keys start?")),
    question="How do keys start?",
    hits=(),
    sentences=3,
    refuse_below=0.3,
    refusal="I do not know.",
    deadline_seconds=0.5,
)


def body(**fields: Any) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }
    return json.dumps(message | fields).encode()


def error(kind: str, message: str = "no") -> bytes:
    envelope = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}
    return json.dumps(envelope).encode()


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def events(text: str = TEXT, usage: dict[str, int] | None = None) -> list[bytes]:
    told = USAGE if usage is None else usage
    opened = {"id": "msg_1", "model": MODEL, "role": "assistant", "content": [], "usage": told}
    return [
        event("message_start", message=opened),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        *(
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": letter})
            for letter in text
        ),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage=told),
        event("message_stop"),
    ]


@asynccontextmanager
async def provider_of(
    script: Script, **settings: Any
) -> AsyncGenerator[tuple[Anthropic, Upstream], None]:
    async with upstream(script) as there:
        provider = Anthropic("claude", there.url, SECRET, Connections(), **settings)
        try:
            yield provider, there
        finally:
            await provider.close()


async def completed(*steps: Step, call: ModelCall = CALL) -> Completion:
    async with provider_of(lambda _: steps) as (provider, _):
        return await provider.complete(call)


async def streamed(*steps: Step, call: ModelCall = CALL) -> list[Piece]:
    async with provider_of(lambda _: steps) as (provider, _):
        return [piece async for piece in provider.stream(call)]


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


async def test_whole_answer_comes_with_its_usage() -> None:
    assert await completed(answer(body())) == spoken(TEXT, usage=TOLD, model=MODEL)


async def test_streamed_answer_is_the_same_text_and_usage() -> None:
    pieces = await streamed(*chunked(*events()))
    assert said(pieces) == TEXT
    assert pieces[-1] == Piece(finish_reason="stop", usage=TOLD, model=MODEL)
    assert [piece.usage for piece in pieces[:-1]] == [None] * (len(pieces) - 1)


async def test_stream_that_is_cut_within_characters_is_the_same() -> None:
    data = b"".join(events())
    parts = [data[start : start + 1] for start in range(len(data))]
    assert said(await streamed(*chunked(*parts))) == TEXT


async def test_request_says_who_asks_in_which_version() -> None:
    script = [answer(body())]
    async with provider_of(lambda _: script, betas=("files-2025", "code-2025")) as (it, there):
        await it.complete(CALL)
        await it.complete(
            replace(
                CALL,
                options=Options(
                    max_tokens=9, extras={"anthropic_beta": ["mine-1"]}, dialect="messages"
                ),
            )
        )
    first, second = there.seen
    assert first.head.startswith("POST /v1/messages HTTP/1.1\r\n")
    assert f"x-api-key: {SECRET}\r\n" in first.head
    assert "anthropic-version: 2023-06-01\r\n" in first.head
    assert "anthropic-beta: files-2025,code-2025\r\n" in first.head
    assert "anthropic-beta: files-2025,code-2025,mine-1\r\n" in second.head
    assert second.json == {
        "model": MODEL,
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "How do keys start?"}]}],
    }


async def test_address_may_end_with_the_version_and_keys_may_stand_elsewhere() -> None:
    async with upstream(lambda _: [answer(body())]) as there:
        provider = Anthropic("claude", there.url + "/v1/", None, Connections())
        await provider.complete(CALL)
        await provider.close()
    assert there.seen[0].head.startswith("POST /v1/messages HTTP/1.1")
    assert "x-api-key" not in there.seen[0].head
    assert "anthropic-beta" not in there.seen[0].head


async def test_tokens_are_counted_by_the_provider() -> None:
    async with provider_of(lambda _: [answer(b'{"input_tokens":16}')]) as (provider, there):
        assert await provider.count_tokens(CALL) == 16
    assert there.seen[0].head.startswith("POST /v1/messages/count_tokens HTTP/1.1")
    assert "max_tokens" not in there.seen[0].json


@pytest.mark.parametrize("data", [b"{}", b"<html>", b'{"input_tokens":-1}'])
async def test_garbage_in_place_of_a_count_is_unreadable(data: bytes) -> None:
    async with provider_of(lambda _: [answer(data)]) as (provider, _):
        with pytest.raises(Unreadable):
            await provider.count_tokens(CALL)


async def test_untold_usage_is_estimated() -> None:
    usage = (await completed(answer(body(usage=None)))).usage
    assert usage.estimated
    assert usage.input_tokens > 5
    (*_, last) = await streamed(*chunked(*events(usage={})))
    assert last.usage == usage


async def test_whole_answer_to_a_stream_is_taken_too() -> None:
    pieces = await streamed(answer(body()))
    assert said(pieces) == TEXT
    assert pieces[-1].usage == TOLD


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", ProviderRefused),
        (401, "authentication_error", ProviderMisconfigured),
        (402, "billing_error", ProviderMisconfigured),
        (403, "permission_error", ProviderMisconfigured),
        (404, "not_found_error", ProviderMisconfigured),
        (413, "request_too_large", ProviderRefused),
        (429, "rate_limit_error", ProviderOverloaded),
        (500, "api_error", ProviderFailed),
        (504, "timeout_error", ProviderTimedOut),
        (529, "overloaded_error", ProviderOverloaded),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_errors_become_failures_of_their_kind(
    status: int, kind: str, expected: type[ProviderFailed], *, stream: bool
) -> None:
    headers = "content-type: application/json\r\nretry-after: 3"
    said_no = answer(error(kind), status=f"{status} No", headers=headers)
    with pytest.raises(ProviderFailed) as caught:
        await (streamed(said_no) if stream else completed(said_no))
    assert type(caught.value) is expected
    if expected is ProviderOverloaded:
        assert caught.value.retry_after_seconds == 3


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("overloaded_error", "Overloaded", ProviderOverloaded),
        ("rate_limit_error", "Slow down", ProviderOverloaded),
        ("api_error", "Internal server error", ProviderFailed),
        ("invalid_request_error", "prompt is too long", ProviderRefused),
        ("invalid_request_error", "Your credit balance is too low", ProviderMisconfigured),
    ],
)
async def test_errors_after_a_good_status_are_failures_too(
    kind: str, message: str, expected: type[ProviderFailed]
) -> None:
    broken = [*events()[:6], b"event: error\ndata: " + error(kind, message) + b"\n\n"]
    with pytest.raises(ProviderFailed) as caught:
        await streamed(*chunked(*broken))
    assert type(caught.value) is expected


async def test_upstreams_words_reach_the_caller_without_our_key() -> None:
    words = f"max_tokens: too many for {SECRET}"
    said_no = answer(error("invalid_request_error", words), status="400 Bad")
    with pytest.raises(ProviderRefused) as caught:
        await completed(said_no)
    assert "max_tokens: too many" in caught.value.message
    assert SECRET not in caught.value.message


async def test_no_money_at_the_provider_is_not_the_callers_fault() -> None:
    words = "Your credit balance is too low to access the Anthropic API."
    with pytest.raises(ProviderMisconfigured):
        await completed(answer(error("invalid_request_error", words), status="400 Bad"))


async def test_stream_without_its_end_is_cut_off() -> None:
    with pytest.raises(AnswerCutOff):
        await streamed(*chunked(*events()[:-1]))


@pytest.mark.parametrize(
    "data", [b"data: not json\n\n", b'data: {"type":"content_block_stop","index":3}\n\n']
)
async def test_garbage_in_a_stream_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        await streamed(*chunked(*events()[:4], data))


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b"\xff"])
async def test_garbage_in_place_of_an_answer_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        await completed(answer(data))


async def test_connection_that_breaks_is_a_failure() -> None:
    with pytest.raises(ProviderFailed):
        await completed(answer(body())[:-20], "close")
    with pytest.raises(ProviderFailed):
        await streamed(*chunked(*events())[:9], "close")


async def test_silence_is_a_time_out() -> None:
    with pytest.raises(ProviderTimedOut):
        await completed(2.0)
    with pytest.raises(ProviderTimedOut):
        await streamed(*chunked(*events())[:9], 2.0)


async def test_leaving_a_stream_cancels_it_at_the_upstream() -> None:
    steps: Sequence[Step] = [*chunked(*events())[:9], 5.0]
    async with provider_of(lambda _: steps) as (provider, there):
        stream = provider.stream(replace(CALL, deadline_seconds=5))
        assert (await anext(stream)).text == TEXT[0]
        await stream.aclose()
        await until(lambda: there.cut_short == 1)


async def test_what_cannot_be_said_is_refused_before_anything_is_sent() -> None:
    async with provider_of(lambda _: [answer(body())]) as (provider, there):
        call = replace(CALL, options=Options(n=2))
        with pytest.raises(Inexpressible):
            await provider.complete(call)
        with pytest.raises(Inexpressible):
            await anext(provider.stream(call))
        with pytest.raises(Inexpressible):
            await provider.embed(EmbeddingCall("m", ("text",), 1.0))
    assert not there.seen


def replayed(call: Recorded) -> Sequence[Step]:
    if call.streamed:
        return chunked(*(call.body[at : at + 97] for at in range(0, len(call.body), 97)))
    return [answer(call.body, status=f"{call.status} Recorded")]


async def test_recorded_calls_come_back_over_the_wire(data_sets: Path) -> None:
    calls = recorded(data_sets, r"//api\.anthropic\.com/v1/messages(\?|$)")
    now: list[Recorded] = []
    async with provider_of(lambda _: replayed(now[-1])) as (provider, _):
        for call in calls:
            now.append(call)
            request = decode_request(call.request_body)
            asked = replace(
                CALL, model=request.model, messages=request.messages, options=request.options
            )
            if call.status != 200:
                with pytest.raises(ProviderMisconfigured):
                    await provider.complete(asked)
            elif call.streamed:
                gathering = Gathering()
                whole = [gathering.add(piece) async for piece in provider.stream(asked)][-1]
                assert whole is not None
                assert whole.usage.input_tokens > 0
            else:
                assert await provider.complete(asked) == decode_completion(call.body)
