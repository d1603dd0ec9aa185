"""The official client of Anthropic against the gateway, with Anthropic behind it."""

import json
from collections.abc import Sequence
from typing import Any

import anthropic
import httpx
import pytest

from passerelle.domain.budgets.limits import parse_budget
from tests.adapters.claude_answers import (
    ASK,
    TEXT,
    TOOL,
    USAGE,
    always,
    block,
    call_block,
    event,
    message,
    streamed,
    text_block,
)
from tests.adapters.messages_gateway import MODEL, over_anthropic, over_openai
from tests.adapters.upstream import Seen, Step, answer, chunked
from tests.stories.kitchen import guards


async def test_client_gets_a_whole_message_with_its_provenance() -> None:
    async with (
        over_anthropic(always(answer(message()))) as served,
        served.anthropic() as client,
    ):
        raw = await client.messages.with_raw_response.create(
            **ASK,
            system="Be brief.",
            metadata={"user_id": "ann"},
            extra_body={"temperature": 0.5},
        )
    got = await raw.parse()
    assert (got.type, got.role, got.model) == ("message", "assistant", MODEL)
    assert [block.text for block in got.content if block.type == "text"] == [TEXT]
    assert (got.stop_reason, got.stop_sequence) == ("end_turn", None)
    usage = got.usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 7)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (200, 30)
    told = (got.model_extra or {})["passerelle"]
    assert told["exchange_id"] == got.id == raw.headers["x-passerelle-exchange"]
    assert told["route"] == {"provider": "replay", "model": "replay-1"}
    assert got._request_id == raw.headers["x-request-id"]
    (seen,) = served.upstream.seen
    assert seen.json == {
        "model": "replay-1",
        "max_tokens": 100,
        "temperature": 0.5,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Fee?"}]}],
    }
    facts = served.kitchen.facts()
    assert (facts["input_tokens"], facts["output_tokens"]) == (240, 7)
    assert (facts["cached_input_tokens"], facts["cache_write_tokens"]) == (200, 30)


async def test_client_puts_a_stream_together() -> None:
    steps = streamed(text_block(0, TEXT[:9], TEXT[9:]))
    async with (
        over_anthropic(always(*steps)) as served,
        served.anthropic() as client,
        client.messages.stream(**ASK) as stream,
    ):
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert "".join(texts) == TEXT
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (10, 9)
    assert final.usage.cache_read_input_tokens == 200
    assert final.content[0].type == "text"


async def test_provenance_of_a_stream_stands_in_its_last_delta() -> None:
    steps = streamed(text_block(0, TEXT))
    async with over_anthropic(always(*steps)) as served, served.anthropic() as client:
        got = [event async for event in await client.messages.create(**ASK, stream=True)]
    assert [event.type for event in got] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    told = (got[-2].model_extra or {})["passerelle"]
    assert got[0].type == "message_start"
    assert told["exchange_id"] == got[0].message.id


async def test_arguments_of_tools_are_streamed() -> None:
    steps = streamed(
        text_block(0, "I look."),
        call_block(1, "fee_of", '{"coun', 'try": "CH"}'),
        call_block(2, "now"),
        stop_reason="tool_use",
    )
    async with (
        over_anthropic(always(*steps)) as served,
        served.anthropic() as client,
        client.messages.stream(**ASK, tools=[TOOL]) as stream,
    ):
        parts = [each.partial_json async for each in stream if each.type == "input_json"]
        final = await stream.get_final_message()
    assert "".join(parts) == '{"country": "CH"}{}'
    assert final.stop_reason == "tool_use"
    calls = [each for each in final.content if each.type == "tool_use"]
    assert [(each.id, each.name, each.input) for each in calls] == [
        ("toolu_fee_of", "fee_of", {"country": "CH"}),
        ("toolu_now", "now", {}),
    ]
    assert served.upstream.seen[0].json["tools"] == [TOOL]


async def test_a_turn_with_thoughts_and_calls_goes_back_unchanged() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "fee_of", "input": {"country": "CH"}},
    ]
    first, second = message(*content, stop_reason="tool_use"), message()

    def script(seen: Seen) -> Sequence[Step]:
        return [answer(second if len(seen.json["messages"]) > 1 else first)]

    async with over_anthropic(script) as served, served.anthropic() as client:
        got = await client.messages.create(**ASK, tools=[TOOL])
        result: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "4 percent"}
        await client.messages.create(
            model=MODEL,
            max_tokens=100,
            tools=[TOOL],
            messages=[
                *ASK["messages"],
                {"role": "assistant", "content": got.content},
                {"role": "user", "content": [result]},
            ],
        )
    turns = served.upstream.seen[1].json["messages"]
    assert turns[1] == {"role": "assistant", "content": content}
    assert turns[2] == {"role": "user", "content": [result]}


async def test_blocks_of_anthropics_own_reach_the_client_and_come_back() -> None:
    content: list[dict[str, Any]] = [
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "fee"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []},
        {"type": "text", "text": TEXT},
    ]
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    steps = always(answer(message(*content)))
    async with over_anthropic(steps) as served, served.anthropic() as client:
        got = await client.messages.create(
            **ASK, tools=[search], extra_headers={"anthropic-beta": "search-2025, more"}
        )
        again: Any = [*ASK["messages"], {"role": "assistant", "content": got.content}]
        await client.messages.create(
            model=MODEL, max_tokens=9, messages=[*again, *ASK["messages"]], tools=[search]
        )
    assert [each.type for each in got.content] == [each["type"] for each in content]
    first, second = served.upstream.seen
    assert "anthropic-beta: search-2025,more\r\n" in first.head
    assert [each["type"] for each in second.json["messages"][1]["content"]] == [
        each["type"] for each in content
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_a_guard_hides_is_in_no_block(*, stream: bool) -> None:
    hidden = guards(personal_data={"output": "redact"})
    cited = {"type": "char_location", "cited_text": "See the desk.", "document_index": 0}
    texts = ("Write to ann@example.org ", "or call the desk.")
    whole = message(
        {"type": "text", "text": texts[0]},
        {"type": "text", "text": texts[1], "citations": [cited]},
        {"type": "tool_use", "id": "t", "name": "mail", "input": {"to": "bob@example.org"}},
        stop_reason="tool_use",
    )
    parts = streamed(
        text_block(0, *texts[0]),
        block(
            1,
            {"type": "text", "text": "", "citations": []},
            *({"type": "text_delta", "text": letter} for letter in texts[1]),
            {"type": "citations_delta", "citation": cited},
        ),
        call_block(2, "mail", '{"to": "bob@', 'example.org"}'),
        stop_reason="tool_use",
    )
    steps = parts if stream else [answer(whole)]
    async with (
        over_anthropic(always(*steps), guard_policies=hidden) as served,
        httpx.AsyncClient(base_url=served.url, headers={"x-api-key": served.kitchen.key}) as client,
    ):
        got = await client.post("/v1/messages", json=ASK | {"stream": stream})
    assert got.status_code == 200
    for name in ("ann@", "bob@", "example"):
        assert name not in got.text
    assert "desk" in got.text
    assert "tool_use" in got.text


@pytest.mark.parametrize(
    ("status", "kind", "raised", "told"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError, "invalid_request_error"),
        (401, "authentication_error", anthropic.InternalServerError, "api_error"),
        (404, "not_found_error", anthropic.InternalServerError, "api_error"),
        (429, "rate_limit_error", anthropic.APIStatusError, "overloaded_error"),
        (529, "overloaded_error", anthropic.APIStatusError, "overloaded_error"),
        (500, "api_error", anthropic.InternalServerError, "api_error"),
        (504, "timeout_error", anthropic.APIStatusError, "timeout_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_failures_of_the_provider_have_anthropics_shape(
    status: int, kind: str, raised: type[anthropic.APIStatusError], told: str, *, stream: bool
) -> None:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "no"}}).encode()
    steps = always(answer(body, status=f"{status} No"))
    async with over_anthropic(steps) as served, served.anthropic() as client:
        with pytest.raises(raised) as caught:
            await client.messages.create(**ASK, stream=stream)
    shape: Any = caught.value.body
    assert shape["type"] == "error"
    assert shape["error"]["type"] == told
    assert shape["request_id"] == caught.value.response.headers["x-request-id"]


async def test_error_inside_a_stream_reaches_the_client_as_an_error() -> None:
    broken = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    steps = chunked(
        event("message_start", message={"model": "m", "usage": USAGE}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "The "}),
        broken,
    )
    async with over_anthropic(always(*steps)) as served, served.anthropic() as client:
        texts = []
        with pytest.raises(anthropic.APIStatusError) as caught:
            async with client.messages.stream(**ASK) as stream:
                texts = [text async for text in stream.text_stream]
    shape: Any = caught.value.body
    assert (texts, shape["error"]["type"]) == ([], "overloaded_error")
    assert served.kitchen.facts()["code"] == "provider_overloaded"


async def test_wrong_key_and_unknown_model_are_told_in_anthropics_words() -> None:
    async with over_anthropic(always(answer(message()))) as served:
        async with served.anthropic(api_key="sk-wrong") as client:
            with pytest.raises(anthropic.AuthenticationError) as unknown:
                await client.messages.create(**ASK)
        async with served.anthropic() as client:
            with pytest.raises(anthropic.NotFoundError) as missing:
                await client.messages.create(**ASK | {"model": "nothing"})
            with pytest.raises(anthropic.BadRequestError) as wrong:
                await client.messages.create(**ASK, extra_body={"temperature": 3})
    kinds = []
    for caught in (unknown, missing, wrong):
        shape: Any = caught.value.body
        kinds.append(shape["error"]["type"])
    assert kinds == ["authentication_error", "not_found_error", "invalid_request_error"]
    assert "temperature" in wrong.value.message


async def test_the_client_does_not_retry_when_the_money_is_gone() -> None:
    spent, _ = parse_budget({"per_month_usd": 0})
    async with (
        over_anthropic(always(answer(message())), budget=spent) as served,
        served.anthropic(max_retries=3) as client,
    ):
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(**ASK)
    assert caught.value.response.headers["x-should-retry"] == "false"
    shape: Any = caught.value.body
    assert shape["error"]["type"] == "billing_error"
    assert not served.upstream.seen


async def test_everything_refused_below_the_path_has_anthropics_shape() -> None:
    async with over_anthropic(always(answer(message()))) as served:
        key = {"x-api-key": served.kitchen.key}
        async with httpx.AsyncClient(base_url=served.url, headers=key) as client:
            refused = [
                await client.post("/v1/messages/nowhere", json={}),
                await client.get("/v1/messages"),
                await client.post("/v1/messages", content=b"a" * 100_001),
                await client.post("/v1/messages", content=b"{", headers={"content-type": "text/x"}),
                await client.post("/v1/messages", content=b"{"),
                await client.post("/v1/messages", json={}, headers={"x-api-key": ""}),
            ]
    assert [each.status_code for each in refused] == [404, 405, 413, 415, 400, 401]
    for each in refused:
        told = each.json()
        assert told["type"] == "error"
        assert told["request_id"] == each.headers["x-request-id"]
    assert [each.json()["error"]["type"] for each in refused] == [
        "not_found_error",
        "invalid_request_error",
        "request_too_large",
        "invalid_request_error",
        "invalid_request_error",
        "authentication_error",
    ]


async def test_tokens_are_counted_by_the_provider_where_it_can() -> None:
    async with (
        over_anthropic(always(answer(b'{"input_tokens":16}'))) as served,
        served.anthropic() as client,
    ):
        count = await client.messages.count_tokens(
            model=MODEL, messages=ASK["messages"], tools=[TOOL], system="Be brief."
        )
    assert count.input_tokens == 16
    told = (count.model_extra or {})["passerelle"]
    assert (told["counted_by"], told["usecase"]) == ("provider", "fees")
    assert served.upstream.seen[0].head.startswith("POST /v1/messages/count_tokens ")
    assert served.kitchen.facts()["operation"] == "count_tokens"


async def test_tokens_are_estimated_where_nobody_counts() -> None:
    async with over_openai(always()) as served, served.anthropic() as client:
        count = await client.messages.count_tokens(model=MODEL, messages=ASK["messages"])
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.count_tokens(model=MODEL, messages=[])
    assert count.input_tokens == 5
    assert (count.model_extra or {})["passerelle"]["counted_by"] == "estimate"
    assert not served.upstream.seen
