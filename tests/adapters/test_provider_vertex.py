"""Vertex AI over real sockets, from an upstream that gives tokens and checks them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.google import Vertex
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.adapters.providers.vertex_models import GEMINI, Place, Resource
from passerelle.core.values.chat import Options, Usage
from passerelle.core.values.clock import SystemClock
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
from passerelle.transport.egress.jwt_bearer import JwtBearer, service_account
from passerelle.transport.wire.gemini_answers import decode_completion
from passerelle.transport.wire.vectors import packed
from tests.adapters.google_providers import (
    FLASH,
    STREAMS,
    USER,
    always,
    as_events,
    as_json,
    broken,
    failure_of,
    request_of,
    said,
    vertex_of,
)
from tests.adapters.google_upstream import (
    API_KEY,
    gemini_upstream,
    google_error,
    key_file,
    path_of,
    pem,
    private_key,
    vertex_upstream,
)
from tests.adapters.signed_upstream import Answer, recorded_answer
from tests.adapters.upstream import Seen, upstream
from tests.recordings import Recorded, recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to, normal

CLAUDE = call_to("claude-sonnet-4-5@20250929", USER, options=Options(max_tokens=64))


async def test_recorded_calls_of_vertex_go_out_with_a_token_and_come_back(data_sets: Path) -> None:
    found = recorded(data_sets, r"aiplatform\.googleapis\.com/.*/projects/pydantic-ai/")
    assert len(found) >= 7
    waiting: list[Recorded] = []

    def replay(seen: Seen) -> Answer:
        each = waiting[0]
        assert each.uri == "https://aiplatform.googleapis.com" + path_of(seen)
        assert normal(seen.json) == normal(json.loads(each.request_body)), str(each)
        return recorded_answer(each)

    connections = Connections()
    async with vertex_upstream(replay) as (there, endpoint):
        tokens = JwtBearer(service_account(key_file(endpoint.url)), connections, SystemClock())
        place = Place("pydantic-ai", "global", there.url)
        provider = Vertex("vertex", place, tokens, connections)
        for each in found:
            if b'"labels"' in each.request_body:  # no client of ours can say them
                continue
            waiting[:] = [each]
            assert await provider.complete(request_of(each)) == decode_completion(each.body)
        assert (endpoint.given, endpoint.refused, there.refusals) == (["token-1"], [], [])
        await provider.close()


async def test_vertex_asks_for_one_token_and_sends_it_along() -> None:
    def answers(seen: Seen) -> Answer:
        told = said({"text": "Cold."})
        return as_events(told) if "stream" in path_of(seen) else as_json(told)

    async with vertex_of(answers) as (provider, there, endpoint):
        calls = (provider.complete(FLASH) for _ in range(10))
        assert {each.text for each in await asyncio.gather(*calls)} == {"Cold."}
        pieces = [piece async for piece in provider.stream(FLASH)]
    assert gathered(pieces).text == "Cold."
    assert (endpoint.given, there.refusals) == (["token-1"], [])
    root = "/v1beta1/projects/project-1/locations/europe-west1/publishers/google/models"
    assert path_of(there.seen[1]) == f"{root}/gemini-2.5-flash:generateContent"
    assert path_of(there.seen[-1]) == f"{root}/gemini-2.5-flash:streamGenerateContent?alt=sse"


async def test_token_that_was_revoked_is_replaced_at_the_next_call() -> None:
    async with vertex_of(always(as_json(said({"text": "Cold."})))) as (provider, _, endpoint):
        await provider.complete(FLASH)
        endpoint.revoked.add("token-1")
        with pytest.raises(ProviderMisconfigured, match="credentials"):
            await provider.complete(FLASH)
        assert (await provider.complete(FLASH)).text == "Cold."
        assert endpoint.given == ["token-1", "token-2"]


async def test_account_that_is_refused_is_our_fault_and_its_key_stays_secret() -> None:
    other = pem(private_key(1))
    async with vertex_of(always(as_json({})), private_key=other) as (provider, there, endpoint):
        failure = await failure_of(provider)
        assert len(endpoint.refused) == 2
    assert isinstance(failure, ProviderMisconfigured)
    assert "invalid_grant" in failure.message
    assert [path_of(seen) for seen in there.seen] == ["/token"] * 2


async def test_token_endpoint_that_fails_is_no_fault_of_ours() -> None:
    async with vertex_of(always(as_json({}))) as (provider, _, endpoint):
        endpoint.broken = Answer(b"", 503)
        assert type(await failure_of(provider)) is ProviderFailed


async def test_token_is_waited_for_no_longer_than_the_call_may_take() -> None:
    async with upstream(lambda _: [5.0]) as there:
        connections = Connections()
        account = service_account(key_file(f"{there.url}/token"))
        tokens = JwtBearer(account, connections, SystemClock())
        provider = Vertex("vertex", Place("p", "global", there.url), tokens, connections)
        soon = ModelCall("gemini-2.5-pro", (USER,), "", (), 3, 0.3, "", 0.05)
        with pytest.raises(ProviderTimedOut):
            await provider.complete(soon)
        await provider.close()


async def test_vertex_takes_an_api_key_too() -> None:
    async with gemini_upstream(always(as_json(said({"text": "Cold."})))) as there:
        place = Place("project-1", "global", there.url)
        provider = Vertex("vertex", place, API_KEY, Connections())
        assert (await provider.complete(FLASH)).text == "Cold."
        assert not there.refusals
        await provider.close()


@pytest.mark.parametrize(
    ("location", "base_url", "root"),
    [
        ("global", "", "https://aiplatform.googleapis.com/v1beta1"),
        ("eu", "", "https://aiplatform.eu.rep.googleapis.com/v1beta1"),
        ("europe-west1", "", "https://europe-west1-aiplatform.googleapis.com/v1beta1"),
        ("global", "https://proxy.example/vertex/", "https://proxy.example/vertex/v1beta1"),
        ("global", "https://proxy.example/v1", "https://proxy.example/v1"),
    ],
)
def test_location_decides_the_host(location: str, base_url: str, root: str) -> None:
    url = Place("p", location, base_url).url(Resource("endpoints/7", GEMINI), "generateContent")
    assert url == f"{root}/projects/p/locations/{location}/endpoints/7:generateContent"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro:generateContent"),
        ("google/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro:generateContent"),
        ("publishers/google/models/gemini-3", "publishers/google/models/gemini-3:generateContent"),
        ("endpoints/1234", "endpoints/1234:generateContent"),
    ],
)
async def test_models_are_named_in_several_ways(model: str, path: str) -> None:
    async with vertex_of(always(as_json(said({"text": "x"})))) as (provider, there, _):
        await provider.complete(call_to(model, USER))
    assert path_of(there.seen[-1]).endswith(f"/locations/europe-west1/{path}")


async def test_names_of_resources_stay_inside() -> None:
    message = "Publisher model projects/project-1/locations/global/x is bad."
    answer = google_error(400, "INVALID_ARGUMENT", message)
    async with vertex_of(always(answer)) as (provider, _, _):
        failure = await failure_of(provider)
    assert failure.message.endswith("Publisher model projects/***/locations/global/x is bad.")


async def test_vertex_embeds_one_text_of_a_request_in_order() -> None:
    def answers(seen: Seen) -> Answer:
        text = seen.json["instances"][0]["content"]
        statistics = {"token_count": 2, "truncated": False}
        return as_json(
            {"predictions": [{"embeddings": {"values": [float(text)], "statistics": statistics}}]}
        )

    numbers = tuple(str(number) for number in range(30))
    async with vertex_of(answers) as (provider, there, endpoint):
        embeddings = await provider.embed(EmbeddingCall("gemini-embedding-001", numbers, 5))
    assert embeddings.vectors == tuple(packed([float(number)]) for number in numbers)
    assert embeddings.usage == Usage(input_tokens=60)
    assert len(endpoint.given) == 1
    path = "/publishers/google/models/gemini-embedding-001:predict"
    assert all(path_of(seen).endswith(path) for seen in there.seen[1:])


async def test_one_failing_request_fails_the_embeddings() -> None:
    def answers(seen: Seen) -> Answer:
        if b'"3"' in seen.body:
            return google_error(400, "INVALID_ARGUMENT", "Too long.")
        return as_json({"predictions": [{"embeddings": {"values": [1.0]}}]})

    numbers = tuple(str(number) for number in range(9))
    async with vertex_of(answers) as (provider, _, _):
        with pytest.raises(ProviderRefused, match="Too long"):
            await provider.embed(EmbeddingCall("gemini-embedding-001", numbers, 5))
        with pytest.raises(Unreadable, match="embeddings"):
            await provider.embed(EmbeddingCall("text-embedding-005", numbers[4:], 5))
        with pytest.raises(Inexpressible):
            await provider.embed(EmbeddingCall("claude-sonnet-4-5", numbers, 5))


# Anthropic's models on Vertex AI.

MESSAGE = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Cold."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 4},
}


def claude_events(*further: Any) -> Answer:
    start = MESSAGE | {"content": [], "stop_reason": None}
    told = (
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "C"}},
        *further,
    )
    lines = (f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in told)
    return Answer("".join(lines).encode(), headers=STREAMS)


CLAUDES_END = (
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "old."}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {"type": "message_stop"},
)


@pytest.mark.parametrize("model", [CLAUDE.model, f"anthropic/{CLAUDE.model}"])
async def test_claude_answers_on_vertex_in_its_own_format(model: str) -> None:
    def answers(seen: Seen) -> Answer:
        return claude_events(*CLAUDES_END) if "stream" in path_of(seen) else as_json(MESSAGE)

    call = call_to(model, USER, options=CLAUDE.options)
    async with vertex_of(answers, cut="random") as (provider, there, _):
        completion = await provider.complete(call)
        pieces = [piece async for piece in provider.stream(call)]
    assert (completion.text, completion.usage) == ("Cold.", Usage(12, 4))
    streamed = gathered(pieces)
    assert (streamed.text, streamed.usage) == ("Cold.", Usage(12, 4))
    root = "/v1/projects/project-1/locations/europe-west1/publishers/anthropic/models"
    assert [path_of(seen) for seen in there.seen[1:]] == [
        f"{root}/{CLAUDE.model}:rawPredict",
        f"{root}/{CLAUDE.model}:streamRawPredict",
    ]
    whole, stream = (seen.json for seen in there.seen[1:])
    assert whole == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 64,
        "messages": whole["messages"],
    }
    assert stream == whole | {"stream": True}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (claude_events(), AnswerCutOff),
        (
            claude_events({"type": "error", "error": {"type": "overloaded_error", "message": ""}}),
            ProviderOverloaded,
        ),
        (claude_events({"type": 7}), Unreadable),
    ],
)
async def test_claudes_stream_that_breaks_gives_out_what_it_had(
    answer: Answer, kind: type[ProviderFailed]
) -> None:
    async with vertex_of(always(answer), cut="bytes") as (provider, _, _):
        got, failure = await broken(provider, CLAUDE)
    assert (got, type(failure)) == (["C"], kind)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            Answer(b'{"type":"error","error":{"type":"invalid_request_error","message":"m"}}', 400),
            ProviderRefused,
        ),
        (google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded."), ProviderOverloaded),
        (Answer(b'{"type":"message"}'), Unreadable),
    ],
)
async def test_claudes_errors_come_in_either_envelope(
    answer: Answer, kind: type[ProviderFailed]
) -> None:
    async with vertex_of(always(answer)) as (provider, _, _):
        assert type(await failure_of(provider, CLAUDE)) is kind
