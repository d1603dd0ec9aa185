"""Azure OpenAI: its addresses, its ways to say who asks, its content filter."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from passerelle.adapters.providers.azure import azure_openai
from passerelle.core.values.chat import Completion, Message, Piece
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    ModelCall,
    ProviderMisconfigured,
    ProviderRefused,
)
from passerelle.transport.egress.connections import Connections
from tests.adapters.upstream import Step, Upstream, answer, chunked, upstream
from tests.adapters.wire_answers import chunk, completion, error, events, told

CALL = ModelCall(
    model="my gpt",
    messages=(Message("user", "?"),),
    question="?",
    hits=(),
    sentences=1,
    refuse_below=0.0,
    refusal="",
    deadline_seconds=9.0,
)
FILTERED = {"hate": {"filtered": False, "severity": "safe"}}


async def asked(steps: Sequence[Step], **settings: Any) -> tuple[Completion, Upstream]:
    async with upstream(lambda _: steps) as there:
        provider = azure_openai("azure", there.url + "/", Connections(), **settings)
        try:
            return await provider.complete(CALL), there
        finally:
            await provider.close()


async def streamed(steps: Sequence[Step], **settings: Any) -> tuple[list[Piece], Upstream]:
    async with upstream(lambda _: steps) as there:
        provider = azure_openai("azure", there.url, Connections(), **settings)
        try:
            return [piece async for piece in provider.stream(CALL)], there
        finally:
            await provider.close()


async def test_without_a_version_the_deployment_stands_in_the_body() -> None:
    _, there = await asked([answer(completion("a"))], api_key="k-1")
    seen = there.seen[0]
    assert seen.head.startswith("POST /openai/v1/chat/completions HTTP/1.1")
    assert "api-key: k-1\r\n" in seen.head
    assert seen.json["model"] == "my gpt"


async def test_with_a_version_the_deployment_stands_in_the_path() -> None:
    _, there = await asked([answer(completion("a"))], api_key="k-1", api_version="2024-10-21")
    line = "POST /openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21 HTTP/1.1"
    assert there.seen[0].head.startswith(line)


async def test_token_of_entra_goes_before_a_key() -> None:
    _, there = await asked([answer(completion("a"))], api_key="k-1", token="eyJ.x.y")
    assert "authorization: Bearer eyJ.x.y\r\n" in there.seen[0].head
    assert "k-1" not in there.seen[0].head


async def test_vectors_come_from_the_address_of_vectors() -> None:
    body = json.dumps({"data": [{"embedding": [1.0]}]}).encode()
    async with upstream(lambda _: [answer(body)]) as there:
        provider = azure_openai("azure", there.url, Connections(), api_version="2024-10-21")
        await provider.embed(EmbeddingCall("e", ("a",), 9.0))
        await provider.close()
    line = "POST /openai/deployments/e/embeddings?api-version=2024-10-21 HTTP/1.1"
    assert there.seen[0].head.startswith(line)


@pytest.mark.parametrize(
    ("version", "asks"), [("", True), ("2024-10-21", True), ("2024-06-01", False)]
)
async def test_old_versions_are_not_asked_for_usage(version: str, asks: bool) -> None:  # noqa: FBT001
    _, there = await streamed(chunked(events(*told("a"))), api_version=version)
    assert ("stream_options" in there.seen[0].json) is asks


async def test_what_the_content_filter_says_is_kept() -> None:
    body: dict[str, Any] = json.loads(completion("a"))
    body["choices"][0]["content_filter_results"] = FILTERED
    body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": FILTERED}]
    got, _ = await asked([answer(json.dumps(body).encode())])
    assert got.choices[0].extras == {"content_filter_results": FILTERED}
    assert got.extras == {"prompt_filter_results": body["prompt_filter_results"]}


async def test_what_the_content_filter_says_in_a_stream_comes_with_its_end() -> None:
    prompt = [{"prompt_index": 0, "content_filter_results": FILTERED}]
    last = {"index": 0, "delta": {}, "finish_reason": "content_filter"}
    body = events(
        json.dumps({"choices": [], "prompt_filter_results": prompt}).encode(),
        chunk("a"),
        json.dumps({"choices": [{**last, "content_filter_results": FILTERED}]}).encode(),
    )
    pieces, _ = await streamed(chunked(body))
    assert pieces[-1].finish_reason == "content_filter"
    assert pieces[-1].choice_extras == {"content_filter_results": FILTERED}
    assert pieces[-1].extras == {"prompt_filter_results": prompt}


async def test_filtered_prompt_is_the_callers_fault_and_a_missing_deployment_ours() -> None:
    filtered = error("The prompt was filtered.", code="content_filter", param="prompt")
    with pytest.raises(ProviderRefused, match="was filtered") as caught:
        await asked([answer(filtered, status="400 Bad")])
    assert caught.value.param == "prompt"
    missing = error("No such deployment.", code="DeploymentNotFound")
    with pytest.raises(ProviderMisconfigured):
        await asked([answer(missing, status="404 No")])
