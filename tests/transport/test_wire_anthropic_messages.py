"""Requests of Anthropic Messages, as clients send them."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    ChatRequest,
    Format,
    JsonObject,
    Media,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.core.values.errors import InvalidRequest
from passerelle.transport.wire.anthropic_messages import decode_countable, decode_request

ASKED = {"role": "user", "content": "?"}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}}


def decoded(**fields: object) -> ChatRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [ASKED]} | fields
    return decode_request(json.dumps(body).encode())


def received(role: str, *blocks: Any) -> tuple[Message, ...]:
    return decoded(messages=[{"role": role, "content": list(blocks)}]).messages


def refused(**fields: object) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**fields)
    assert caught.value.message
    return caught.value.param


def test_plain_request_is_read() -> None:
    request = decoded(stream=True, system="Be brief.", metadata={"user_id": "ann"})
    assert request == ChatRequest(
        "m",
        (Message("system", "Be brief."), Message("user", "?")),
        stream=True,
        end_user="ann",
        options=Options(max_tokens=9, dialect="messages"),
    )


def test_nulls_and_defaults_say_what_absence_says() -> None:
    request = decoded(
        system=None, stream=None, tools=None, thinking=None, top_k=None, service_tier="auto"
    )
    assert request == decoded()


def test_system_blocks_keep_their_cache_marks() -> None:
    mark: JsonObject = {"type": "ephemeral"}
    request = decoded(
        system=[
            {"type": "text", "text": "One."},
            {"type": "text", "text": "Two.", "cache_control": mark},
        ]
    )
    system = request.messages[0]
    assert system.text == "One.\nTwo."
    assert system.parts == (Text("One."), Text("Two.", {"cache_control": dict(mark)}))


def test_sampling_and_tools_are_read() -> None:
    options = decoded(
        temperature=0.5,
        top_p=0.9,
        stop_sequences=["END"],
        tools=[TOOL | {"strict": True, "cache_control": {"type": "ephemeral"}}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    ).options
    mark: JsonObject = {"cache_control": {"type": "ephemeral"}}
    assert options == Options(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        tools=(Tool("f", "d", {"type": "object"}, strict=True, extras=mark),),
        tool_choice=ToolChoice("named", "f"),
        parallel_tool_calls=False,
        format=Format({"type": "object"}),
        dialect="messages",
    )


@pytest.mark.parametrize(
    ("choice", "mode"), [("auto", "auto"), ("any", "required"), ("none", "none")]
)
def test_tool_choices_have_our_names(choice: str, mode: str) -> None:
    chosen = decoded(tools=[TOOL], tool_choice={"type": choice}).options.tool_choice
    assert chosen is not None
    assert chosen.mode == mode


def test_older_name_of_the_output_format_is_read_too() -> None:
    given = {"type": "json_schema", "schema": {"type": "object"}}
    assert decoded(output_format=given).options.format == Format({"type": "object"})


def test_tools_that_anthropic_runs_are_kept_whole() -> None:
    search: JsonObject = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    (tool,) = decoded(tools=[search]).options.tools
    assert tool == Tool("web_search", kind="web_search_20250305", extras=search)


def test_fields_that_nobody_interprets_are_kept() -> None:
    extras = decoded(
        top_k=5,
        container="c",
        metadata={"user_id": "ann", "trace": "t"},
        output_config={"task_budget": {"total": 1}},
    ).options.extras
    assert extras == {
        "top_k": 5,
        "container": "c",
        "metadata": {"trace": "t"},
        "output_config": {"task_budget": {"total": 1}},
    }


@pytest.mark.parametrize(
    ("asked", "effort", "extras"),
    [
        ({"thinking": {"type": "disabled"}}, "none", {}),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low", {}),
        ({"output_config": {"effort": "low"}}, "", {"output_config": {"effort": "low"}}),
        ({"thinking": {"type": "adaptive"}}, "", {"thinking": {"type": "adaptive"}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
            "",
            {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
        ),
        (
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "max", "task_budget": {}},
            },
            "",
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "max", "task_budget": {}},
            },
        ),
    ],
)
def test_thinking_is_an_effort_where_every_format_can_say_it(
    asked: dict[str, Any], effort: str, extras: dict[str, Any]
) -> None:
    options = decoded(**asked).options
    assert (options.effort, options.extras) == (effort, extras)


def test_images_and_documents_are_media() -> None:
    (message,) = received(
        "user",
        {"type": "text", "text": "Look:"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {
            "type": "document",
            "title": "Fees",
            "citations": {"enabled": True},
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        },
    )
    assert message.text == "Look:"
    assert message.extras == {}
    assert message.parts == (
        Text("Look:"),
        Media("image", "AA==", media_type="image/png"),
        Media("image", url="https://a/b.png"),
        Media(
            "file",
            "JVBERi0=",
            media_type="application/pdf",
            name="Fees",
            extras={"citations": {"enabled": True}},
        ),
        Media("file", base64.b64encode("Grüße".encode()).decode(), media_type="text/plain"),
    )


def test_each_tool_result_is_a_message_and_the_order_stays() -> None:
    messages = received(
        "user",
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "is_error": True,
            "cache_control": {"type": "ephemeral"},
            "content": [{"type": "text", "text": "no"}],
        },
        {"type": "tool_result", "tool_use_id": "c"},
        {"type": "text", "text": "So?"},
    )
    assert messages == (
        Message("tool", "1", tool_call_id="a"),
        Message(
            "tool",
            "no",
            tool_call_id="b",
            failed=True,
            extras={"cache_control": {"type": "ephemeral"}},
        ),
        Message("tool", "", tool_call_id="c"),
        Message("user", "So?"),
    )


def test_an_assistants_turn_keeps_thoughts_and_calls() -> None:
    (message,) = received(
        "assistant",
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": None},
    )
    assert message == Message(
        "assistant",
        "I look.",
        tool_calls=(ToolCall("t", "f", '{"a":1}'),),
        thoughts=(Thought("Hm.", "s"), Thought(hidden="x")),
    )


def test_blocks_that_nobody_interprets_are_kept_in_their_place() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}}
    (message,) = received(
        "assistant",
        {"type": "text", "text": "I search."},
        search,
        {"type": "text", "text": "Found.", "citations": [{"url": "u"}]},
    )
    assert message.text == "I search.\nFound."
    assert message.parts[1] == Text("Found.", {"citations": [{"url": "u"}]})
    assert message.extras == {
        "content_blocks": [
            {"index": 0, "type": "text"},
            {"index": 1, **search},
            {"index": 2, "type": "text"},
        ]
    }


def test_instructions_in_the_middle_stay_there() -> None:
    request = decoded(messages=[ASKED, {"role": "system", "content": "Now in French."}, ASKED])
    assert [message.role for message in request.messages] == ["user", "system", "user"]


def test_counting_needs_no_length_but_answering_does() -> None:
    body = json.dumps({"model": "m", "messages": [ASKED]}).encode()
    assert decode_countable(body).options.max_tokens is None
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body)
    assert caught.value.param == "max_tokens"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "?"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "messages[0].content[0].source.type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t", "name": "f", "input": []}],
                    }
                ]
            },
            "messages[0].content[0].input",
        ),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        (
            {"output_config": {"format": {"type": "text", "schema": {}}}},
            "output_config.format.type",
        ),
        ({"system": [{"type": "text", "text": 1}]}, "system[0].text"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields) == param


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "source", "content", "input", "id", "name"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(
        ["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"]
    ),
    block=st.dictionaries(
        st.sampled_from(["text", "source", "content", "input", "id", "name", "data", "thinking"]),
        _JSON,
    ),
    role=st.sampled_from(["user", "assistant", "system"]),
)
def test_no_block_is_so_odd_that_it_breaks_the_reader(
    kind: str, block: dict[str, Any], role: str
) -> None:
    with suppress(InvalidRequest):
        assert received(role, {"type": kind, **block})
