"""The provider against upstreams that answer in every way seen, and in some not seen."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.adapters.providers.openai_style import (
    Dialect,
    OpenAIStyle,
    StreamedAnswer,
    completion_in,
)
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable, retry_after
from passerelle.core.values.chat import Completion, Message, Piece, Usage
from passerelle.domain.routing.providers import (
    ModelCall,
    ProviderFailed,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from tests.adapters.canned import until
from tests.adapters.upstream import Script, Step, Upstream, answer, chunked, upstream
from tests.adapters.wire_answers import (
    USAGE,
    chunk,
    completion,
    error,
    events,
    spoken,
    usage_chunk,
)

SECRET = "sk-live-0123456789abcdef"
CALL = ModelCall(
    model="gpt-4o-mini",
    messages=(Message("system", "Be brief."), Message("user", "How do keys start?")),
    question="How do keys start?",
    hits=(),
    sentences=3,
    refuse_below=0.3,
    refusal="I do not know.",
    deadline_seconds=0.5,
)
TEXT = "Schlüssel beginnen mit sk-: 東京 🙂."
TOLD = Usage(20, 6, cached_input_tokens=16, reasoning_tokens=2)


@asynccontextmanager
async def provider_of(
    script: Script, dialect: Dialect | None = None
) -> AsyncGenerator[tuple[OpenAIStyle, Upstream], None]:
    async with upstream(script) as there:
        provider = OpenAIStyle("acme", there.url + "/v1", SECRET, Connections(), dialect=dialect)
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


def words(pieces: Sequence[Piece]) -> str:
    assert [piece for piece in pieces if piece.finish_reason is not None] == [pieces[-1]]
    return "".join(piece.text for piece in pieces)


async def test_whole_answer_comes_with_its_usage() -> None:
    got = await completed(answer(completion(TEXT)))
    assert got == Completion(TEXT, "stop", TOLD, "replay-1")


async def test_streamed_answer_is_the_same_text_and_usage() -> None:
    pieces = await streamed(*chunked(events(*spoken(TEXT))))
    assert words(pieces) == TEXT
    assert len(pieces) > 4
    assert pieces[-1] == Piece("", "stop", TOLD, "replay-1")


async def test_request_says_what_was_asked_and_injects_usage() -> None:
    call = replace(CALL, max_tokens=9, temperature=0.5, extras={"seed": 7, "model": "spoofed"})
    async with provider_of(lambda _: chunked(events(*spoken("a")))) as (provider, there):
        assert [piece async for piece in provider.stream(call)]
    seen = there.seen[0]
    assert f"authorization: Bearer {SECRET}" in seen.head
    assert seen.head.startswith("POST /v1/chat/completions HTTP/1.1")
    assert seen.json == {
        "seed": 7,
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How do keys start?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 9,
        "temperature": 0.5,
    }


async def test_dialect_of_azure_and_of_old_servers() -> None:
    dialect = Dialect(
        path="/chat/completions?api-version=2024-10-21",
        key_header="api-key",
        tokens_field="max_tokens",
        include_usage=False,
    )
    script = chunked(events(*spoken("a", usage=None)))
    async with provider_of(lambda _: script, dialect) as (provider, there):
        pieces = [piece async for piece in provider.stream(replace(CALL, max_tokens=9))]
    seen = there.seen[0]
    assert f"api-key: {SECRET}" in seen.head
    assert "authorization" not in seen.head
    assert "?api-version=2024-10-21 " in seen.head
    assert seen.json["max_tokens"] == 9
    assert "stream_options" not in seen.json
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.estimated


async def test_stream_ends_its_connection_cleanly_so_that_it_is_reused() -> None:
    async with provider_of(lambda _: chunked(events(*spoken(TEXT)))) as (provider, there):
        for _ in range(4):
            assert words([piece async for piece in provider.stream(CALL)]) == TEXT
    assert there.connections == 1


async def test_closing_a_stream_cancels_it_at_the_upstream() -> None:
    steps: list[Step] = [*chunked(events(chunk("a"), done=False))[:-1], 5.0]
    async with provider_of(lambda _: steps) as (provider, there):
        stream = provider.stream(replace(CALL, deadline_seconds=5))
        assert (await anext(stream)).text == "a"
        await stream.aclose()
        await until(lambda: there.cut_short == 1)


@pytest.mark.parametrize(
    ("status", "body", "failure", "says"),
    [
        ("401 No", error(f"Incorrect API key {SECRET}"), ProviderFailed, "credentials"),
        ("403 No", error("region"), ProviderFailed, "credentials"),
        ("404 No", error("no such model"), ProviderFailed, "does not know"),
        ("400 Bad", error("`foo` is unknown", param="foo"), ProviderRefused, "`foo` is unknown"),
        ("422 Bad", b'{"detail":"too long"}', ProviderRefused, "too long"),
        ("400 Bad", b"<html>no</html>", ProviderRefused, "`acme`."),
        ("413 Big", error("context length"), ProviderRefused, "context length"),
        ("429 Slow", error("rate"), ProviderOverloaded, "overloaded"),
        ("429 Slow", error("pay", code="insufficient_quota"), ProviderFailed, "no quota"),
        ("503 Busy", b"", ProviderOverloaded, "overloaded"),
        ("500 Oops", error("trace: secret_function"), ProviderFailed, "status 500"),
        ("504 Late", b"", ProviderTimedOut, "in time"),
        ("302 Else", b"", ProviderFailed, "redirected"),
        ("201 Created", b"{}", ProviderFailed, "status 201"),
        ("200 OK", b"", Unreadable, "something else"),
        ("200 OK", b"<html>captive portal</html>", Unreadable, "something else"),
        ("200 OK", b'{"choices":[]}', Unreadable, "something else"),
        ("200 OK", b'{"choices":[{"index":0}]}', Unreadable, "something else"),
        ("200 OK", completion("x")[:-9], Unreadable, "something else"),
        ("200 OK", completion("x").replace(b'"x"', b'"\xf0\x9f"'), Unreadable, "something else"),
        ("200 OK", b"[" * 90_000, Unreadable, "something else"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_upstream_failures_are_told_without_secrets(
    status: str,
    body: bytes,
    failure: type[ProviderFailed],
    says: str,
    streams: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    step = answer(body, status=status, headers="content-type: application/json")
    with pytest.raises(failure) as caught:
        await (streamed(step) if streams else completed(step))
    assert type(caught.value) is failure
    assert says in caught.value.message
    assert SECRET not in caught.value.message
    assert "secret_function" not in caught.value.message


async def test_upstream_words_are_cut_and_cleaned() -> None:
    message = f"bad\r\nthing {SECRET} Bearer abc.def sk-proj-aaaaaaaaaaaa " + "x" * 5_000
    with pytest.raises(ProviderRefused) as caught:
        await completed(answer(error(message), status="400 Bad"))
    said = caught.value.message
    assert said.startswith("The model provider refused the request. Provider `acme`: bad thing ***")
    assert len(said) < 400
    assert not {"\r", "\n"} & set(said)
    assert "sk-proj" not in said
    assert "abc.def" not in said


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after-ms": "x"}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after-ms": "inf"}, None),
    ],
)
def test_every_form_of_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


async def test_overload_carries_when_to_come_back() -> None:
    step = answer(b"", status="429 Slow", headers="retry-after: 3")
    with pytest.raises(ProviderOverloaded) as caught:
        await completed(step)
    assert caught.value.retry_after_seconds == 3.0


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
async def test_cutting_the_bytes_makes_no_difference(newline: bytes, size: int) -> None:
    whole = b"\xef\xbb\xbf: hello\n\n" + events(*spoken(TEXT), newline=newline)
    parts = [whole[start : start + size] for start in range(0, len(whole), size)]
    pieces = await streamed(*chunked(*parts))
    assert words(pieces) == TEXT
    assert pieces[-1].usage == TOLD


async def test_stream_without_its_end_mark_counts_when_it_had_a_finish_reason() -> None:
    pieces = await streamed(*chunked(events(*spoken(TEXT), done=False)))
    assert words(pieces) == TEXT
    cut = events(*spoken(TEXT), done=False).rstrip(b"\n")
    assert words(await streamed(*chunked(cut))) == TEXT


async def test_stream_without_usage_is_counted_by_us() -> None:
    pieces = await streamed(*chunked(events(*spoken(TEXT, usage=None))))
    usage = pieces[-1].usage
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens == -(-len(TEXT.encode()) // 4)
    assert usage.input_tokens > 5


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 1},
        {"prompt_tokens": "many"},
        [],
        {"prompt_tokens": 3.5, "completion_tokens": 1},
    ],
)
async def test_usage_that_cannot_be_believed_is_counted_by_us(usage: object) -> None:
    got = await completed(answer(completion("hello", usage=usage)))
    assert got.usage.estimated
    assert got.usage.input_tokens > 0


async def test_details_never_exceed_their_totals() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 900}}
    got = await completed(answer(completion("hello", usage=usage)))
    assert got.usage.cached_input_tokens == 20


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (events(chunk("a"), done=False), AnswerCutOff),
        (events(chunk("a")), AnswerCutOff),
        (b"", AnswerCutOff),
        (b": only comments\n\n", AnswerCutOff),
        (events(chunk("a"), b"{half"), Unreadable),
        (events(chunk("a"), b'{"choices":[{"delta":{"content":"\xff"}}]}'), Unreadable),
        (events(chunk("a"), b"<html>"), Unreadable),
        (events(chunk("a"), b'{"choices":7}'), Unreadable),
        (events(chunk("a"), error("overloaded", type="overloaded_error")), ProviderOverloaded),
        (events(chunk("a"), error("bad", type="invalid_request_error")), ProviderRefused),
        (events(chunk("a"), error(SECRET, type="server_error")), ProviderFailed),
        (events(chunk("a"), b'{"error":"sentence"}'), ProviderFailed),
        (events(chunk("a"), error("x", code=500)), ProviderFailed),
        (b"data: " + b"x" * 2_000_000, Unreadable),
    ],
)
async def test_streams_that_go_wrong_end_in_a_clean_error(
    body: bytes, failure: type[ProviderFailed]
) -> None:
    with pytest.raises(failure) as caught:
        await streamed(*chunked(body))
    assert type(caught.value) is failure
    assert SECRET not in caught.value.message


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_connection_lost_in_a_stream_is_a_clean_error(ending: Step) -> None:
    with pytest.raises(ProviderFailed, match="connection lost"):
        await streamed(*chunked(events(chunk("a"), done=False))[:-1], ending)


async def test_slow_upstream_meets_the_deadline_of_the_call() -> None:
    with pytest.raises(ProviderTimedOut):
        await completed(2.0)
    with pytest.raises(ProviderTimedOut):
        await streamed(chunked()[0], 2.0)


async def test_server_that_ignores_streaming_still_answers() -> None:
    pieces = await streamed(answer(completion(TEXT)))
    assert words(pieces) == TEXT
    assert pieces[-1].usage == TOLD


async def test_chunks_without_choices_or_content_are_no_trouble() -> None:
    body = events(
        b'{"choices":[],"prompt_filter_results":[]}',
        chunk(None, role="assistant"),
        chunk("a"),
        b'{"choices":[{"index":1,"delta":{"content":"other"}}]}',
        b'{"choices":[{"delta":{"content":null},"finish_reason":null}]}',
        chunk(None, finish="eos"),
        usage_chunk(),
    )
    pieces = await streamed(*chunked(body))
    assert words(pieces) == "a"
    assert pieces[-1].finish_reason == "stop"


async def test_parallel_tool_calls_are_put_together_from_their_pieces() -> None:
    def part(index: int, **function: str) -> dict[str, Any]:
        call: dict[str, Any] = {"index": index, "function": function}
        if "name" in function:
            call |= {"id": f"call_{index}", "type": "function"}
        return call

    body = events(
        chunk(None, tool_calls=[part(0, name="find", arguments="")]),
        chunk(None, tool_calls=[part(0, arguments='{"q":')]),
        chunk(None, tool_calls=[part(1, name="open", arguments="{}")]),
        chunk(None, tool_calls=[part(0, arguments='"keys"}')]),
        chunk(None, finish="tool_calls"),
        usage_chunk(),
    )
    last = (await streamed(*chunked(body)))[-1]
    assert last.finish_reason == "tool_calls"
    calls = last.extras["tool_calls"]
    assert isinstance(calls, list)
    first, second = calls
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["function"] == {"name": "find", "arguments": '{"q":"keys"}'}
    assert (first["id"], second["id"]) == ("call_0", "call_1")


async def test_tool_calls_refusals_and_parts_of_whole_answers_are_kept() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    got = await completed(answer(completion(None, finish="tool_calls", tool_calls=calls)))
    assert (got.text, got.finish_reason, got.extras) == ("", "tool_calls", {"tool_calls": calls})
    parts = json.loads(completion("x"))
    parts["choices"][0]["message"]["content"] = [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    assert completion_in(json.dumps(parts).encode(), CALL, "acme").text == "ab"


@settings(max_examples=200)
@given(cuts=st.lists(st.integers(1, 400), max_size=30), noise=st.binary(max_size=30))
def test_any_bytes_give_pieces_or_a_clean_failure(cuts: list[int], noise: bytes) -> None:
    whole = bytearray(events(*spoken(TEXT)))
    if cuts and noise:
        whole[cuts[0] : cuts[0] + len(noise)] = noise
    read = StreamedAnswer(CALL, "acme", SECRET)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    try:
        pieces = [
            piece for start, end in pairwise(places) for piece in read.push(bytes(whole[start:end]))
        ]
        pieces.append(read.finish())
    except ProviderFailed:
        assert noise
    else:
        assert noise or words(pieces) == TEXT
