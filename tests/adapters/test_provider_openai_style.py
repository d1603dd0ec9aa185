"""The provider against upstreams that answer in every way seen, and in some not seen."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from passerelle.adapters.providers.openai_style import OpenAIStyle
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable, retry_after
from passerelle.core.values.chat import (
    CallDelta,
    Choice,
    Completion,
    Message,
    Options,
    Piece,
    Thought,
    Usage,
    spoken,
)
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.wire.openai_calls import Dialect
from tests.adapters.upstream import (
    Script,
    Step,
    Upstream,
    answer,
    chunked,
    until,
    upstream,
)
from tests.adapters.wire_answers import (
    USAGE,
    chunk,
    completion,
    error,
    events,
    told,
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
    deadline_seconds=9.0,
)
NINE = Options(max_tokens=9)
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
    assert got == spoken(TEXT, usage=TOLD, model="replay-1")


async def test_streamed_answer_is_the_same_text_and_usage() -> None:
    pieces = await streamed(*chunked(events(*told(TEXT))))
    assert words(pieces) == TEXT
    assert len(pieces) > 4
    assert pieces[-1] == Piece(finish_reason="stop", usage=TOLD, model="replay-1")


async def test_request_says_what_was_asked_and_injects_usage() -> None:
    options = Options(max_tokens=9, temperature=0.5, extras={"top_k": 7, "model": "spoofed"})
    call = replace(CALL, options=options)
    async with provider_of(lambda _: chunked(events(*told("a")))) as (provider, there):
        assert [piece async for piece in provider.stream(call)]
    seen = there.seen[0]
    assert f"authorization: Bearer {SECRET}" in seen.head
    assert seen.head.startswith("POST /v1/chat/completions HTTP/1.1")
    assert seen.json == {
        "top_k": 7,
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
    script = chunked(events(*told("a", usage=None)))
    async with provider_of(lambda _: script, dialect) as (provider, there):
        pieces = [piece async for piece in provider.stream(replace(CALL, options=NINE))]
    seen = there.seen[0]
    assert f"api-key: {SECRET}" in seen.head
    assert "authorization" not in seen.head
    assert "?api-version=2024-10-21 " in seen.head
    assert seen.json["max_tokens"] == 9
    assert "stream_options" not in seen.json
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.estimated


async def test_stream_ends_its_connection_cleanly_so_that_it_is_reused() -> None:
    async with provider_of(lambda _: chunked(events(*told(TEXT)))) as (provider, there):
        for _ in range(4):
            assert words([piece async for piece in provider.stream(CALL)]) == TEXT
    assert there.connections == 1


async def test_closing_a_stream_cancels_it_at_the_upstream() -> None:
    steps: list[Step] = [*chunked(events(chunk("a"), done=False))[:-1], 5.0]
    async with provider_of(lambda _: steps) as (provider, there):
        stream = provider.stream(CALL)
        assert (await anext(stream)).text == "a"
        await stream.aclose()
        await until(lambda: there.cut_short == 1)


@pytest.mark.parametrize(
    ("status", "body", "failure", "says"),
    [
        ("401 No", error(f"Incorrect API key {SECRET}"), ProviderMisconfigured, "credentials"),
        ("403 No", error("region"), ProviderMisconfigured, "credentials"),
        ("404 No", error("no such model"), ProviderMisconfigured, "does not know"),
        ("400 Bad", error("`foo` is unknown", param="foo"), ProviderRefused, "`foo` is unknown"),
        ("422 Bad", b'{"detail":"too long"}', ProviderRefused, "too long"),
        ("400 Bad", b"<html>no</html>", ProviderRefused, "`acme`."),
        ("413 Big", error("context length"), ProviderRefused, "context length"),
        ("429 Slow", error("rate"), ProviderOverloaded, "overloaded"),
        ("429 Slow", error("pay", code="insufficient_quota"), ProviderMisconfigured, "no quota"),
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
    whole = b"\xef\xbb\xbf: hello\n\n" + events(*told(TEXT), newline=newline)
    parts = [whole[start : start + size] for start in range(0, len(whole), size)]
    pieces = await streamed(*chunked(*parts))
    assert words(pieces) == TEXT
    assert pieces[-1].usage == TOLD


async def test_stream_without_its_end_mark_counts_when_it_had_a_finish_reason() -> None:
    pieces = await streamed(*chunked(events(*told(TEXT), done=False)))
    assert words(pieces) == TEXT
    cut = events(*told(TEXT), done=False).rstrip(b"\n")
    assert words(await streamed(*chunked(cut))) == TEXT


async def test_stream_without_usage_is_counted_by_us() -> None:
    pieces = await streamed(*chunked(events(*told(TEXT, usage=None))))
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
    hasty = replace(CALL, deadline_seconds=0.2)
    with pytest.raises(ProviderTimedOut):
        await completed(2.0, call=hasty)
    with pytest.raises(ProviderTimedOut):
        await streamed(chunked()[0], 2.0, call=hasty)


async def test_server_that_ignores_streaming_still_answers() -> None:
    pieces = await streamed(answer(completion(TEXT)))
    assert words(pieces) == TEXT
    assert pieces[-1].usage == TOLD


async def test_chunks_without_choices_or_content_are_no_trouble() -> None:
    body = events(
        b'{"choices":[],"prompt_filter_results":[]}',
        chunk(None, role="assistant"),
        chunk("a"),
        b'{"choices":[{"delta":{"content":null},"finish_reason":null}]}',
        chunk(None, finish="eos"),
        usage_chunk(),
    )
    pieces = await streamed(*chunked(body))
    assert words(pieces) == "a"
    assert pieces[-1].finish_reason == "stop"


async def test_server_that_ignores_streaming_still_gives_all_of_its_choices() -> None:
    body = json.loads(completion("a"))
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    message = {"content": None, "tool_calls": [call], "reasoning": "Hm."}
    body["choices"].append({"index": 1, "message": message, "finish_reason": "tool_calls"})
    pieces = await streamed(answer(json.dumps(body).encode()))
    assert [piece.finish_reason for piece in pieces if piece.index == 0] == [None, "stop"]
    second = [piece for piece in pieces if piece.index == 1]
    assert second[0].thought == Thought("Hm.")
    assert [piece.calls for piece in second[1:3]] == [
        (CallDelta(0, "c", "f"),),
        (CallDelta(0, arguments="{}"),),
    ]
    assert (second[-1].finish_reason, second[-1].usage) == ("tool_calls", TOLD)


async def test_tool_calls_are_streamed_as_they_come() -> None:
    call: dict[str, Any] = {"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}
    part = {"index": 0, "function": {"arguments": '{"q":1}'}}
    body = events(
        chunk(None, role="assistant"),
        chunk(None, tool_calls=[call]),
        chunk(None, tool_calls=[part]),
        chunk(None, finish="tool_calls"),
        usage_chunk(),
    )
    pieces = await streamed(*chunked(body))
    assert [piece.calls for piece in pieces[:-1]] == [
        (CallDelta(0, "c", "f"),),
        (CallDelta(0, arguments='{"q":1}'),),
    ]
    assert (pieces[-1].finish_reason, pieces[-1].calls) == ("tool_calls", ())


async def test_whole_answer_holds_all_choices_in_order() -> None:
    body = json.loads(completion("b"))
    body["choices"][0]["index"] = 1
    body["choices"].append({"index": 0, "message": {"content": "a"}, "finish_reason": "length"})
    got = await completed(answer(json.dumps(body).encode()))
    assert got.choices == (Choice("a", "length"), Choice("b"))


async def test_error_in_a_good_answer_is_an_error() -> None:
    with pytest.raises(ProviderOverloaded):
        await completed(answer(error("Provider returned error", code=429)))
    failed = {
        "index": 0,
        "finish_reason": "error",
        "message": {"content": ""},
        "error": {"code": 502},
    }
    with pytest.raises(ProviderFailed, match="status 502"):
        await completed(answer(json.dumps({"choices": [failed]}).encode()))


async def test_bad_words_of_the_model_are_no_fault_of_the_caller() -> None:
    with pytest.raises(ProviderFailed) as caught:
        await completed(answer(error("bad call", code="tool_use_failed"), status="400 Bad"))
    assert type(caught.value) is ProviderFailed


EMBEDDING = EmbeddingCall("embed-1", ("one", (1, 2)), 9.0, dimensions=2, extras={"user": "u"})


async def embedded(body: bytes, *, status: str = "200 OK") -> tuple[Embeddings, Upstream]:
    async with provider_of(lambda _: [answer(body, status=status)]) as (provider, there):
        return await provider.embed(EMBEDDING), there


async def test_texts_and_tokens_are_embedded() -> None:
    vectors = [{"index": 1, "embedding": [0.5, 1.0]}, {"index": 0, "embedding": "AACAPwAAAEA="}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    got, there = await embedded(
        json.dumps({"data": vectors, "model": "e", "usage": usage}).encode()
    )
    assert got == Embeddings(
        (b"\x00\x00\x80?\x00\x00\x00@", b"\x00\x00\x00?\x00\x00\x80?"), Usage(3), "e"
    )
    assert there.seen[0].head.startswith("POST /v1/embeddings HTTP/1.1")
    assert there.seen[0].json == {
        "model": "embed-1",
        "input": ["one", [1, 2]],
        "encoding_format": "base64",
        "dimensions": 2,
        "user": "u",
    }


async def test_embeddings_that_fail_are_told_without_secrets() -> None:
    with pytest.raises(Unreadable, match="something else than embeddings"):
        await embedded(b'{"data":[]}')
    with pytest.raises(ProviderRefused, match="too long"):
        await embedded(error("too long"), status="400 Bad")
    with pytest.raises(ProviderMisconfigured) as caught:
        await embedded(error(SECRET), status="401 No")
    assert SECRET not in caught.value.message


async def test_server_that_wants_the_model_in_its_path_has_it_there() -> None:
    dialect = Dialect(path="/models/{model}/chat", embeddings_path="/models/{model}/embed")
    async with provider_of(lambda _: [answer(completion("a"))], dialect) as (provider, there):
        await provider.complete(replace(CALL, model="a/b c"))
    assert there.seen[0].head.startswith("POST /v1/models/a%2Fb%20c/chat HTTP/1.1")
