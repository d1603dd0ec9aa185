"""The official clients of two makers, each with the other's format behind the gateway."""

from typing import Any

import anthropic
import openai
import pytest

from tests.adapters.claude_answers import (
    ASK,
    TEXT,
    TOOL,
    always,
    call_block,
    message,
    streamed,
    text_block,
)
from tests.adapters.messages_gateway import MODEL, over_anthropic, over_openai
from tests.adapters.upstream import answer, chunked
from tests.adapters.wire_answers import chunk, completion, error, events, usage_chunk

CHAT_TOOL: Any = {
    "type": "function",
    "function": {"name": "fee_of", "parameters": TOOL["input_schema"]},
}


# A client of Anthropic, a server of OpenAI's style.


async def test_anthropics_client_reads_an_answer_of_openais_style() -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "fee_of", "arguments": '{"country":"CH"}'},
    }
    body = completion("I look.", finish="tool_calls", tool_calls=[call], reasoning_content="Hm.")
    async with over_openai(always(answer(body))) as served, served.anthropic() as client:
        got = await client.messages.create(
            **ASK,
            system="Be brief.",
            tools=[TOOL],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            stop_sequences=["END"],
        )
    assert got.stop_reason == "tool_use"
    assert [each.type for each in got.content] == ["thinking", "text", "tool_use"]
    last = got.content[-1]
    assert last.type == "tool_use"
    assert (last.id, last.name, last.input) == ("call_1", "fee_of", {"country": "CH"})
    assert (got.usage.input_tokens, got.usage.cache_read_input_tokens) == (4, 16)
    asked = served.upstream.seen[0].json
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Fee?"},
    ]
    assert asked["max_completion_tokens"] == 100
    assert (asked["stop"], asked["tool_choice"]) == (["END"], "required")
    assert asked["parallel_tool_calls"] is False
    assert asked["tools"][0]["function"]["name"] == "fee_of"


async def test_anthropics_client_reads_a_stream_of_openais_style() -> None:
    calls = [
        {"index": 0, "id": "call_a", "function": {"name": "fee_of", "arguments": ""}},
        {"index": 1, "id": "call_b", "function": {"name": "now", "arguments": "{}"}},
    ]
    data = events(
        chunk("I ", role="assistant"),
        chunk("look."),
        chunk(tool_calls=[calls[0]]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"country"'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ':"CH"}'}}]),
        chunk(tool_calls=[calls[1]]),
        chunk(finish="tool_calls"),
        usage_chunk(),
    )
    async with (
        over_openai(always(*chunked(data))) as served,
        served.anthropic() as client,
        client.messages.stream(**ASK, tools=[TOOL]) as stream,
    ):
        final = await stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[0].type == "text"
    assert final.content[0].text == "I look."
    asked = [(each.name, each.input) for each in final.content if each.type == "tool_use"]
    assert asked == [("fee_of", {"country": "CH"}), ("now", {})]
    assert (final.usage.input_tokens, final.usage.output_tokens) == (4, 6)


async def test_results_of_tools_reach_a_server_of_openais_style() -> None:
    turns: Any = [
        *ASK["messages"],
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "a", "name": "fee_of", "input": {"x": 1}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "4 percent"},
                {"type": "text", "text": "So?"},
            ],
        },
    ]
    async with (
        over_openai(always(answer(completion(TEXT)))) as served,
        served.anthropic() as client,
    ):
        await client.messages.create(model=MODEL, max_tokens=9, messages=turns)
    assert served.upstream.seen[0].json["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "fee_of", "arguments": '{"x":1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "4 percent"},
        {"role": "user", "content": "So?"},
    ]


async def test_what_only_anthropic_knows_is_refused_elsewhere_by_name() -> None:
    async with over_openai(always()) as served, served.anthropic() as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(
                **ASK, thinking={"type": "enabled", "budget_tokens": 1_024}
            )
    assert "thinking" in caught.value.message
    assert not served.upstream.seen


async def test_an_opt_in_alone_rules_no_provider_out() -> None:
    async with (
        over_openai(always(answer(completion(TEXT)))) as served,
        served.anthropic() as client,
    ):
        got = await client.messages.create(**ASK, extra_headers={"anthropic-beta": "any-2025"})
    assert got.stop_reason == "end_turn"


# A client of OpenAI, Anthropic as the provider.


def chat(**fields: Any) -> Any:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Fee?"}]} | fields


async def test_openais_client_reads_an_answer_of_anthropic() -> None:
    body = message(
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "fee_of", "input": {"country": "CH"}},
        stop_reason="tool_use",
    )
    async with over_anthropic(always(answer(body))) as served, served.openai() as client:
        got = await client.chat.completions.create(
            **chat(tools=[CHAT_TOOL], stop="END", reasoning_effort="none", top_p=0.5)
        )
    choice = got.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
    assert choice.message.tool_calls
    assert choice.message.tool_calls[0].type == "function"
    assert choice.message.tool_calls[0].function.arguments == '{"country":"CH"}'
    assert got.usage is not None
    assert (got.usage.prompt_tokens, got.usage.total_tokens) == (240, 247)
    assert got.usage.prompt_tokens_details is not None
    assert got.usage.prompt_tokens_details.cached_tokens == 200
    asked = served.upstream.seen[0].json
    assert (asked["max_tokens"], asked["stop_sequences"]) == (32_000, ["END"])
    assert asked["tools"] == [{"name": "fee_of", "input_schema": TOOL["input_schema"]}]


async def test_openais_client_reads_a_stream_of_anthropic() -> None:
    steps = streamed(
        text_block(0, "I ", "look."),
        call_block(1, "fee_of", '{"country"', ': "CH"}'),
        call_block(2, "now"),
        stop_reason="tool_use",
    )
    async with over_anthropic(always(*steps)) as served, served.openai() as client:
        stream = await client.chat.completions.create(
            **chat(stream=True, stream_options={"include_usage": True})
        )
        chunks = [each async for each in stream]
    deltas = [each.choices[0].delta for each in chunks if each.choices]
    assert "".join(delta.content or "" for delta in deltas) == "I look."
    arguments = ["", ""]
    for delta in deltas:
        for call in delta.tool_calls or ():
            assert call.function is not None
            arguments[call.index] += call.function.arguments or ""
    assert arguments == ['{"country": "CH"}', "{}"]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (240, 9)


async def test_openais_client_is_told_what_anthropic_cannot_do() -> None:
    async with over_anthropic(always()) as served, served.openai() as client:
        for field, value in (("n", 2), ("seed", 7), ("logprobs", True)):
            with pytest.raises(openai.BadRequestError) as caught:
                await client.chat.completions.create(**chat(**{field: value}))
            assert (caught.value.param, caught.value.code) == (field, "unsupported_value")
    assert not served.upstream.seen


async def test_openais_client_gets_its_own_error_shape_from_anthropics_failure() -> None:
    body = error("prompt is too long", type="invalid_request_error")
    steps = always(answer(body, status="400 Bad Request"))
    async with over_anthropic(steps) as served, served.openai() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(**chat())
    assert caught.value.code == "provider_refused"
    assert "prompt is too long" in caught.value.message
