"""The Gemini API over real sockets, from an upstream that checks who is asking."""

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.google import Gemini
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.chat import Usage
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.wire.gemini_answers import decode_completion
from passerelle.transport.wire.vectors import packed
from tests.adapters.google_providers import (
    FLASH,
    USER,
    always,
    as_events,
    as_json,
    broken,
    failure_of,
    gemini_of,
    request_of,
    said,
    vertex_of,
)
from tests.adapters.google_upstream import (
    API_KEY,
    google_error,
    path_of,
)
from tests.adapters.signed_upstream import Answer, Cut, recorded_answer
from tests.adapters.upstream import Seen, chunked, until, upstream
from tests.recordings import Recorded, recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to, normal


@pytest.mark.parametrize("cut", ["whole", "random"])
async def test_recorded_calls_of_gemini_go_out_and_come_back(data_sets: Path, cut: Cut) -> None:
    found = recorded(data_sets, r"generativelanguage\.googleapis\.com/.*enerateContent")
    assert len(found) >= 80
    waiting: list[Recorded] = []

    def replay(seen: Seen) -> Answer:
        each = waiting[0]
        assert each.uri.endswith(path_of(seen))
        assert normal(seen.json) == normal(json.loads(each.request_body)), str(each)
        return recorded_answer(each)

    async with gemini_of(replay, cut=cut) as (provider, there):
        for each in found:
            waiting[:] = [each]
            if each.streamed:
                pieces = [piece async for piece in provider.stream(request_of(each))]
                assert gathered(pieces).usage.output_tokens > 0
            else:
                assert await provider.complete(request_of(each)) == decode_completion(each.body)
        assert not there.refusals
        assert there.served.connections == 1


@pytest.mark.parametrize("cut", ["whole", "bytes", "random"])
async def test_answer_is_the_same_whole_and_streamed(cut: Cut) -> None:
    parts = ({"text": "It is "}, {"text": "4 °C 🙂"})

    def answers(seen: Seen) -> Answer:
        if "stream" not in path_of(seen):
            return as_json(said(*parts))
        return as_events(said(parts[0], reason=""), said(parts[1]))

    async with gemini_of(answers, cut=cut) as (provider, there):
        completion = await provider.complete(FLASH)
        pieces = [piece async for piece in provider.stream(FLASH)]
    assert completion.text == "It is 4 °C 🙂"
    assert completion.usage == Usage(7, 3)
    assert gathered(pieces) == completion
    path = "/v1beta/models/gemini-2.5-flash:"
    assert [path_of(seen) for seen in there.seen] == [
        path + "generateContent",
        path + "streamGenerateContent?alt=sse",
    ]


async def test_upstream_that_does_not_stream_is_given_out_in_pieces() -> None:
    async with gemini_of(always(as_json(said({"text": "Cold."})))) as (provider, _):
        pieces = [piece async for piece in provider.stream(FLASH)]
    assert gathered(pieces).text == "Cold."


async def test_untold_usage_is_estimated() -> None:
    told = said({"text": "Cold."})
    del told["usageMetadata"]
    async with gemini_of(always(as_json(told))) as (provider, _):
        completion = await provider.complete(FLASH)
    assert completion.usage == Usage(9, 2, estimated=True)


async def test_key_that_is_not_valid_is_our_fault_and_stays_secret() -> None:
    wrong = "AIzaSy-wrong-wrong-wrong"
    async with gemini_of(always(as_json({})), key=wrong) as (provider, there):
        failure = await failure_of(provider)
        assert len(there.refusals) == 2
    assert isinstance(failure, ProviderMisconfigured)
    assert wrong not in failure.message


RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (google_error(400, "INVALID_ARGUMENT", "Bad seed."), ProviderRefused, "Bad seed."),
        (google_error(400, "FAILED_PRECONDITION", "Not here."), ProviderMisconfigured, ""),
        (google_error(403, "PERMISSION_DENIED", "x"), ProviderMisconfigured, ""),
        (google_error(404, "NOT_FOUND", "x"), ProviderMisconfigured, "does not know the model"),
        (google_error(500, "INTERNAL", "x"), ProviderFailed, "status 500"),
        (google_error(504, "DEADLINE_EXCEEDED", "x"), ProviderTimedOut, ""),
        (google_error(503, "UNAVAILABLE", "x"), ProviderOverloaded, ""),
        (Answer(b"<html>", 502), ProviderFailed, "status 502"),
        (Answer(b"<html>", 200), Unreadable, "sent something else than an answer"),
        (Answer(b"{}", 200), Unreadable, ""),
        (as_json(google_error(503, "UNAVAILABLE", "x").body.decode()), Unreadable, ""),
        (Answer(google_error(503, "UNAVAILABLE", "x").body), ProviderOverloaded, ""),
    ],
)
async def test_what_google_says_went_wrong_is_said_in_our_words(
    answer: Answer, kind: type[ProviderFailed], words: str
) -> None:
    async with gemini_of(always(answer)) as (provider, _):
        failure = await failure_of(provider)
    assert type(failure) is kind
    assert words in failure.message


async def test_google_says_when_to_ask_again() -> None:
    answer = google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", RETRY)
    async with gemini_of(always(answer)) as (provider, _):
        failure = await failure_of(provider)
    assert isinstance(failure, ProviderOverloaded)
    assert failure.retry_after_seconds == 34


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([said({"text": "It "}, reason="")], AnswerCutOff),
        ([said({"text": "It "}, reason=""), {"error": {"code": 429}}], ProviderOverloaded),
        ([said({"text": "It "}, reason=""), {"error": {"message": "odd"}}], ProviderFailed),
        ([said({"text": "It "}, reason=""), "garbage"], Unreadable),
    ],
)
async def test_stream_that_breaks_gives_out_what_it_had(
    events: list[Any], kind: type[ProviderFailed]
) -> None:
    async with gemini_of(always(as_events(*events))) as (provider, _):
        got, failure = await broken(provider, FLASH)
    assert (got, type(failure)) == (["It "], kind)


async def test_stream_that_is_left_is_cancelled_at_the_upstream() -> None:
    body = as_events(said({"text": "It "}, reason="")).body
    async with upstream(lambda _: [*chunked(body)[:-1], 5.0]) as there:
        provider = Gemini("gemini", there.url, API_KEY, Connections())
        pieces = provider.stream(FLASH)
        assert (await anext(pieces)).text == "It "
        await pieces.aclose()
        await until(lambda: there.cut_short == 1)
        await provider.close()


@pytest.mark.parametrize("model", ["", "../secrets", "a/b", "a:countTokens", "a?x=1", ".hidden"])
async def test_name_that_leads_elsewhere_is_no_model(model: str) -> None:
    async with gemini_of(always(as_json({}))) as (provider, there):
        assert isinstance(await failure_of(provider, call_to(model, USER)), ProviderMisconfigured)
    async with vertex_of(always(as_json({}))) as (vertex, elsewhere, _):
        for name in (model, f"google/{model}", f"projects/x/{model}"):
            failure = await failure_of(vertex, call_to(name, USER))
            assert isinstance(failure, ProviderMisconfigured)
    assert not there.seen
    assert not elsewhere.seen


async def test_gemini_embeds_texts_in_as_many_requests_as_they_need() -> None:
    def answers(seen: Seen) -> Answer:
        texts = [each["content"]["parts"][0]["text"] for each in seen.json["requests"]]
        vectors = [{"values": [float(text), 1.0]} for text in texts]
        tokens = {"promptTokenCount": len(texts)}
        return as_json({"embeddings": vectors, "usageMetadata": tokens})

    numbers = tuple(str(number) for number in range(250))
    call = EmbeddingCall("models/gemini-embedding-001", numbers, 5)
    async with gemini_of(answers) as (provider, there):
        embeddings = await provider.embed(call)
    assert embeddings.vectors == tuple(packed([float(number), 1]) for number in numbers)
    assert embeddings.usage == Usage(input_tokens=250)
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert [path_of(seen) for seen in there.seen] == [path] * 3
