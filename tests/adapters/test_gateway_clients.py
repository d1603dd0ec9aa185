"""The official client of OpenAI against the real listener."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import openai
import pytest

from passerelle.core.values.errors import Refusal
from passerelle.domain.routing.providers import ProviderOverloaded
from tests.adapters.canned import CHECKED, KEY, TEXT, CannedServer, running


class OutOfMoney(Refusal):
    """The budget is used up."""

    status = 429
    code = "insufficient_quota"
    kind = "insufficient_quota"


@asynccontextmanager
async def client_of(
    server: CannedServer, key: str = KEY, retries: int = 0
) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with (
        running(server) as gateway,
        openai.AsyncOpenAI(
            base_url=f"{gateway.url}/v1", api_key=key, max_retries=retries, timeout=5
        ) as client,
    ):
        yield client


async def test_client_gets_a_whole_answer_with_its_provenance() -> None:
    server = CannedServer()
    async with client_of(server) as client:
        answer = await client.chat.completions.with_raw_response.create(
            model="handbook@pilot",
            messages=[{"role": "user", "content": "How do keys start?"}],
            max_completion_tokens=50,
            seed=7,
            user="ann",
        )
    completion = answer.parse()
    assert completion.choices[0].message.content == TEXT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == "handbook@pilot"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 21
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 4
    assert completion.id == CHECKED.exchange_id
    extra = completion.model_extra or {}
    assert extra["passerelle"]["citations"][0]["passage"] == "keys-1"
    assert extra["passerelle"]["grounding"]["claims"][0]["citation"] == 1
    assert extra["passerelle"]["guards"][0]["findings"] == [{"kind": "email", "start": 3, "end": 9}]
    assert answer.headers["x-passerelle-exchange"] == CHECKED.exchange_id
    assert float(answer.headers["x-passerelle-overhead-ms"]) > 0
    request = server.arrivals[0].request
    assert (request.options.max_tokens, request.options.seed) == (50, 7)
    assert request.end_user == "ann"


async def test_client_gets_a_stream_whose_pieces_are_the_whole() -> None:
    async with client_of(CannedServer()) as client:
        stream = await client.chat.completions.create(
            model="handbook",
            messages=[{"role": "user", "content": "How do keys start?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert chunks[0].choices[0].delta.role == "assistant"
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert (last.model_extra or {})["passerelle"]["exchange_id"] == CHECKED.exchange_id
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 21
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_stream_without_include_usage_has_no_usage_chunk() -> None:
    async with client_of(CannedServer()) as client:
        stream = await client.chat.completions.create(
            model="handbook", messages=[{"role": "user", "content": "?"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert all(chunk.choices for chunk in chunks)


async def test_error_inside_a_stream_reaches_the_client_as_an_error() -> None:
    server = CannedServer(refusal=ProviderOverloaded("Provider `x`."), refuse_at=2)
    async with client_of(server) as client:
        stream = await client.chat.completions.create(
            model="handbook", messages=[{"role": "user", "content": "?"}], stream=True
        )
        with pytest.raises(openai.APIError, match="overloaded"):
            _ = [chunk async for chunk in stream]
    assert server.ended == ["provider_overloaded"]


async def test_error_before_the_first_window_is_a_plain_status() -> None:
    server = CannedServer(refusal=ProviderOverloaded(retry_after_seconds=1.5), refuse_at=0)
    async with client_of(server) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(
                model="handbook", messages=[{"role": "user", "content": "?"}], stream=True
            )
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.response.headers["retry-after-ms"] == "1500"


async def test_client_is_told_not_to_retry_when_the_budget_is_used_up() -> None:
    server = CannedServer(refusal=OutOfMoney())
    async with client_of(server, retries=3) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(
                model="handbook", messages=[{"role": "user", "content": "?"}]
            )
    assert caught.value.code == "insufficient_quota"
    assert len(server.arrivals) == 1


async def test_client_retries_an_overloaded_provider() -> None:
    server = CannedServer(refusal=ProviderOverloaded(retry_after_seconds=0.01))
    async with client_of(server, retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(
                model="handbook", messages=[{"role": "user", "content": "?"}]
            )
    assert len(server.arrivals) == 3


async def test_wrong_key_is_an_authentication_error_with_a_request_id() -> None:
    async with client_of(CannedServer(), key="sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")


async def test_models_are_listed_and_found_by_ids_with_slashes_and_stages() -> None:
    async with client_of(CannedServer()) as client:
        listed = [model.id async for model in await client.models.list()]
        assert listed == ["handbook", "handbook@pilot", "openai/gpt-4o"]
        for name in listed:
            assert (await client.models.retrieve(name)).id == name
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("nobody/knows")
    assert caught.value.code == "model_not_found"
