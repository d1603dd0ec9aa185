"""Requests of Anthropic Messages, as an upstream gets them."""

import base64
import json
from typing import Any

import pytest

from passerelle.core.values.chat import (
    Dialect,
    Format,
    JsonObject,
    JsonValue,
    Media,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.anthropic_messages import decode_request
from passerelle.transport.wire.anthropic_models import generation
from passerelle.transport.wire.anthropic_requests import (
    BEDROCK,
    VERTEX,
    Platform,
    betas_of,
    encode_count,
    encode_request,
)
from tests.transport.anthropic_bodies import Body, call_of

USER = Message("user", "?")
NEW, OLD, ANCIENT = "claude-opus-4-6", "claude-sonnet-4-5-20250929", "claude-3-5-haiku-20241022"


def asked(*messages: Message, model: str = NEW, **options: Any) -> ModelCall:
    return ModelCall(
        model, messages or (USER,), "", (), 0, 0.0, "", 5.0, options=Options(**options)
    )


def sent(*messages: Message, model: str = NEW, **options: Any) -> Body:
    body: Body = json.loads(encode_request(asked(*messages, model=model, **options), stream=False))
    return body


def turns(*messages: Message, **options: Any) -> list[Body]:
    given: list[Body] = sent(*messages, **options)["messages"]
    return given


def refused(*messages: Message, model: str = NEW, **options: Any) -> str | None:
    with pytest.raises(Inexpressible) as caught:
        sent(*messages, model=model, **options)
    assert caught.value.detail
    return caught.value.param


def text(words: str) -> Body:
    return {"type": "text", "text": words}


def test_plain_question_is_written() -> None:
    body = json.loads(encode_request(asked(max_tokens=5, temperature=0.5), stream=True))
    assert body == {
        "model": NEW,
        "messages": [{"role": "user", "content": [text("?")]}],
        "max_tokens": 5,
        "temperature": 0.5,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("claude-3-haiku-20240307", 4_096), (ANCIENT, 8_192), (OLD, 32_000), ("some-alias", 32_000)],
)
def test_an_answer_of_any_length_gets_the_most_that_its_model_gives(
    model: str, tokens: int
) -> None:
    assert sent(model=model)["max_tokens"] == tokens
    assert sent(model=model, max_tokens=0)["max_tokens"] == 0


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-2.1", (2, 1)),
        ("claude-3-5-sonnet-20241022", (3, 5)),
        ("claude-3-7-sonnet@20250219", (3, 7)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-opus-4-1@20250805", (4, 1)),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", (4, 5)),
        ("anthropic.claude-opus-4-6-v1", (4, 6)),
        ("claude-fable-5", (5, 0)),
        ("my-deployment", (99, 0)),
    ],
)
def test_generations_are_read_off_the_names_of_all_platforms(
    model: str, expected: tuple[int, int]
) -> None:
    assert generation(model) == expected


def test_system_messages_of_other_formats_go_to_the_start() -> None:
    body = sent(
        Message("system", "One."), USER, Message("developer", "Two."), Message("assistant", "!")
    )
    assert body["system"] == [text("One."), text("Two.")]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant"]


def test_neighbours_of_one_role_become_one_turn_and_empty_turns_none() -> None:
    assert turns(USER, Message("user", "!"), Message("assistant", ""), Message("user", ".")) == [
        {"role": "user", "content": [text("?"), text("!"), text(".")]}
    ]


def test_tool_results_share_a_turn_with_what_the_user_says_next() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("a", "f"), ToolCall("b", "f", '{"x":1}')))
    parts = (Text("see"), Media("image", "AA==", media_type="image/png"))
    given = turns(
        USER,
        call,
        Message("tool", "1", tool_call_id="a"),
        Message("tool", "see", parts, tool_call_id="b", failed=True),
        Message("user", "So?"),
    )
    assert given[1]["content"] == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {"x": 1}},
    ]
    image = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    assert given[2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {
                "type": "tool_result",
                "tool_use_id": "b",
                "content": [text("see"), {"type": "image", "source": image}],
                "is_error": True,
            },
            text("So?"),
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("  ", {}),
        ('{"a": [1]}', {"a": [1]}),
        ('{"a": ', {"INVALID_JSON": '{"a": '}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ("[" * 5_000, {"INVALID_JSON": "[" * 5_000}),
    ],
)
def test_arguments_that_are_no_object_are_wrapped_in_one(
    arguments: str, expected: dict[str, Any]
) -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("a", "f", arguments),))
    assert turns(USER, call)[1]["content"][0]["input"] == expected


def test_only_thoughts_that_their_provider_recognises_go_back() -> None:
    thoughts = (Thought("a", "sig"), Thought("unsigned"), Thought(hidden="x"), Thought("", "s"))
    assert turns(USER, Message("assistant", "!", thoughts=thoughts))[1]["content"] == [
        {"type": "thinking", "thinking": "a", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "thinking", "thinking": "", "signature": "s"},
        text("!"),
    ]


def test_documents_are_written_by_their_type() -> None:
    plain = base64.b64encode("Grüße".encode()).decode()
    parts = (
        Media("file", "JVBERi0=", media_type="application/pdf", name="fees.pdf"),
        Media("file", url="https://a/b.pdf"),
        Media("file", plain, media_type="text/plain"),
    )
    assert turns(Message("user", "", parts))[0]["content"] == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "fees.pdf",
        },
        {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        },
    ]


def test_cache_marks_go_through_from_every_format() -> None:
    mark: JsonObject = {"cache_control": {"type": "ephemeral"}}
    body = sent(
        Message("system", "Long.", extras=mark),
        Message("user", "?", (Text("?", mark),)),
        tools=(Tool("f", extras=mark),),
    )
    assert body["system"] == [text("Long.") | dict(mark)]
    assert body["messages"][0]["content"] == [text("?") | dict(mark)]
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}} | dict(mark)]


def test_tools_and_choices_are_written_in_anthropics_words() -> None:
    tool = Tool("f", "d", {"type": "object", "properties": {}}, strict=True)
    body = sent(
        tools=(tool, Tool("g", strict=False)),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        stop=("END",),
        top_p=0.5,
    )
    assert body["tools"] == [
        {
            "name": "f",
            "description": "d",
            "strict": True,
            "input_schema": {"type": "object", "properties": {}},
        },
        {"name": "g", "input_schema": {"type": "object"}},
    ]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert (body["stop_sequences"], body["top_p"]) == (["END"], 0.5)
    named = sent(tools=(tool,), tool_choice=ToolChoice("named", "f"), parallel_tool_calls=True)
    assert named["tool_choice"] == {"type": "tool", "name": "f"}
    single = sent(tools=(tool,), parallel_tool_calls=False)
    assert single["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in sent(parallel_tool_calls=False)
    none = sent(tools=(tool,), tool_choice=ToolChoice("none"), parallel_tool_calls=False)
    assert none["tool_choice"] == {"type": "none"}


def test_a_schema_becomes_the_format_of_the_output() -> None:
    form = Format({"type": "object"}, name="answer", description="A fee.", strict=True)
    assert sent(format=form)["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {"type": "object", "description": "A fee."},
        }
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (NEW, "high", ({"type": "adaptive"}, {"effort": "high"})),
        (NEW, "minimal", ({"type": "adaptive"}, {"effort": "low"})),
        (NEW, "none", ({"type": "disabled"}, None)),
        (OLD, "medium", ({"type": "enabled", "budget_tokens": 5_000}, None)),
        (OLD, "minimal", ({"type": "enabled", "budget_tokens": 1_024}, None)),
        (OLD, "none", ({"type": "disabled"}, None)),
        (ANCIENT, "none", (None, None)),
    ],
)
def test_effort_is_said_as_the_models_generation_understands_it(
    model: str, effort: str, expected: tuple[Body | None, Body | None]
) -> None:
    body = sent(model=model, effort=effort, max_tokens=10_000)
    assert (body.get("thinking"), body.get("output_config")) == expected


@pytest.mark.parametrize(
    ("options", "dialect", "param"),
    [
        ({"n": 2}, "chat", "n"),
        ({"seed": 0}, "chat", "seed"),
        ({"presence_penalty": 0.1}, "chat", "presence_penalty"),
        ({"frequency_penalty": -1.0}, "chat", "frequency_penalty"),
        ({"logprobs": True}, "chat", "logprobs"),
        ({"logprobs": True}, "responses", "include"),
        ({"temperature": 1.5}, "chat", "temperature"),
        ({"format": Format()}, "chat", "response_format"),
        ({"format": Format()}, "responses", "text.format"),
        ({"effort": "heroic"}, "chat", "reasoning_effort"),
        ({"effort": "heroic"}, "responses", "reasoning.effort"),
        ({"effort": "heroic"}, "messages", "output_config.effort"),
        ({"extras": {"verbosity": "low"}}, "chat", "verbosity"),
        ({"tools": (Tool("web_search", kind="web_search"),)}, "chat", "tools[0].type"),
        ({"tools": (Tool("f", extras={"x": 1}),)}, "chat", "tools[0].x"),
    ],
)
def test_what_anthropic_cannot_do_is_named_in_the_clients_words(
    options: dict[str, Any], dialect: Dialect, param: str
) -> None:
    assert refused(**options, dialect=dialect) == param


def test_zero_penalties_ask_for_nothing() -> None:
    assert "presence_penalty" not in sent(presence_penalty=0.0, frequency_penalty=0.0)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (Message("user", "?", extras={"name": "ann"}), "messages[].name"),
        (
            Message("user", "", (Media("audio", "AA==", media_type="audio/wav"),)),
            "messages[].content[].input_audio",
        ),
        (
            Message("user", "", (Text("a"), Media("image", url="u", extras={"detail": "low"}))),
            "messages[].content[].detail",
        ),
        (
            Message("user", "", (Media("file", "AA==", media_type="text/csv"),)),
            "messages[].content[].file",
        ),
        (
            Message("user", "", (Media("file", "/w==", media_type="text/plain"),)),
            "messages[].content[].file",
        ),
    ],
)
def test_parts_that_anthropic_cannot_take_are_named(message: Message, param: str) -> None:
    assert refused(message) == param


def test_thinking_needs_room_and_a_model_that_can() -> None:
    assert refused(model=OLD, effort="low", max_tokens=1_024) == "reasoning_effort"
    assert refused(model=ANCIENT, effort="low") == "reasoning_effort"


def test_platforms_differ_in_what_stands_in_the_body() -> None:
    extras = {"top_k": 5, "anthropic_beta": ["one-2025-01-01"]}
    call = asked(model="m", max_tokens=5, extras=extras, dialect="messages")

    def body(platform: Platform) -> Body:
        written: Body = json.loads(
            encode_request(call, stream=True, platform=platform, betas=("two",))
        )
        del written["messages"], written["max_tokens"]
        return written

    assert json.loads(encode_request(call, stream=True)).keys() == {
        "model",
        "messages",
        "max_tokens",
        "stream",
        "top_k",
    }
    opted = ["two", "one-2025-01-01"]
    assert body(BEDROCK) == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": opted,
        "top_k": 5,
    }
    assert body(VERTEX) == {
        "anthropic_version": "vertex-2023-10-16",
        "anthropic_beta": opted,
        "top_k": 5,
        "stream": True,
    }
    assert betas_of(call, ("two",)) == tuple(opted)


def test_an_opt_in_cannot_add_lines_to_a_header() -> None:
    call = asked(extras={"anthropic_beta": ["a\r\nx-api-key: b"]}, dialect="messages")
    with pytest.raises(Inexpressible) as caught:
        betas_of(call)
    assert caught.value.param == "anthropic_beta"


def test_a_count_asks_for_the_input_alone() -> None:
    call = asked(
        Message("system", "S"),
        USER,
        max_tokens=5,
        temperature=0.1,
        tools=(Tool("f"),),
        extras={"metadata": {"a": 1}, "top_k": 3},
        dialect="messages",
    )
    assert json.loads(encode_count(call)).keys() == {"model", "messages", "system", "tools"}


def test_a_turn_with_blocks_of_anthropics_own_goes_back_as_it_came() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
        {"type": "thinking", "thinking": "Good.", "signature": "t"},
        {"type": "text", "text": "Found.", "citations": [{"url": "u"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code"}},
    ]
    answered = [
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "tool_reference", "tool_name": "g"}],
        },
        {"type": "container_upload", "file_id": "file_1"},
        text("Go on."),
    ]
    messages = [
        {"role": "user", "content": [text("?")]},
        {"role": "assistant", "content": content},
        {"role": "user", "content": answered},
        {"role": "assistant", "content": [text("Yes.")]},
        {"role": "system", "content": [text("Be brief.")]},
    ]
    body = {"model": "m", "max_tokens": 5, "messages": messages}
    request = decode_request(json.dumps(body).encode())
    assert json.loads(encode_request(call_of(request), stream=False)) == body


def test_such_a_turn_is_told_apart_from_what_a_guard_made_of_it() -> None:
    """Where texts became one, the other blocks keep their order and nothing is said twice."""
    layout: JsonValue = [
        {"index": 0, "type": "text"},
        {"index": 1, "type": "server_tool_use", "id": "s"},
        {"index": 2, "type": "text"},
    ]
    message = Message("assistant", "***", (Text("***"),), extras={"content_blocks": layout})
    (_, turn) = turns(USER, message, dialect="messages")
    assert turn["content"] == [text("***"), {"type": "server_tool_use", "id": "s"}]
