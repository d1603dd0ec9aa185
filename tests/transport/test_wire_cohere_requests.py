"""What Cohere is asked: everything that a call holds, or a refusal that names the field."""

import json
from dataclasses import replace
from typing import Any

import pytest

from passerelle.core.values.chat import (
    Format,
    Media,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible
from passerelle.transport.wire.cohere_requests import encode_request
from tests.transport.gemini_calls import call_to

MODEL = "command-a-03-2025"
USER = Message("user", "How warm is it in Oslo?")
WEATHER = Tool("weather", "Tells the weather.", {"type": "object"})
CALL = call_to(MODEL, USER)
CALLS = (ToolCall("c1", "weather", '{"city":"Oslo"}'),)


def sent(*messages: Message, options: Options | None = None) -> dict[str, Any]:
    call = call_to(MODEL, *messages, options=options)
    body: dict[str, Any] = json.loads(encode_request(call, stream=False))
    return body


def refused(*messages: Message, options: Options | None = None) -> str | None:
    with pytest.raises(Inexpressible) as caught:
        sent(*messages, options=options)
    return caught.value.param


def test_conversation_keeps_its_roles() -> None:
    thoughts = (Thought("Let me see.", "a signature"),)
    body = sent(
        Message("system", "Be brief."),
        USER,
        Message("assistant", "", tool_calls=CALLS, thoughts=thoughts),
        Message("tool", "4 °C", tool_call_id="c1", extras={"name": "weather"}),
        Message("assistant", "Cold.", thoughts=thoughts),
        Message("developer", "Use degrees."),
        Message("tool", "gone", tool_call_id="c1", failed=True),
        Message("assistant", "Well."),
    )
    call = {"name": "weather", "arguments": '{"city":"Oslo"}'}
    assert body == {
        "model": MODEL,
        "stream": False,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How warm is it in Oslo?"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": call}],
                "tool_plan": "Let me see.",
            },
            {"role": "tool", "tool_call_id": "c1", "content": "4 °C"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Let me see."},
                    {"type": "text", "text": "Cold."},
                ],
            },
            {"role": "system", "content": "Use degrees."},
            {"role": "tool", "tool_call_id": "c1", "content": "Error: gone"},
            {"role": "assistant", "content": "Well."},
        ],
    }


def test_images_are_addresses_or_data() -> None:
    parts = (
        Text("See"),
        Media("image", "aGk=", media_type="image/png"),
        Media("image", url="https://a.b/c", extras={"detail": "low"}),
    )
    assert sent(Message("user", "See", parts))["messages"][0]["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://a.b/c", "detail": "low"}},
    ]


def test_all_options_have_their_counterpart() -> None:
    options = Options(
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        tools=(replace(WEATHER, strict=True), Tool("clock")),
        tool_choice=ToolChoice("required"),
        format=Format({"type": "object"}, "answer"),
        effort="high",
        extras={"top_k": 40},
    )
    body = sent(USER, options=options)
    del body["model"], body["messages"], body["stream"]
    nothing = {"type": "object", "properties": {}}
    weather = {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object"},
    }
    assert body == {
        "max_tokens": 10,
        "temperature": 0.5,
        "p": 0.9,
        "stop_sequences": ["END"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
        "tools": [
            {"type": "function", "function": weather},
            {"type": "function", "function": {"name": "clock", "parameters": nothing}},
        ],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "response_format": {
            "type": "json_object",
            "json_schema": {"title": "answer", "type": "object"},
        },
        "thinking": {"type": "enabled"},
        "k": 40,
    }
    assert sent(USER, options=Options()) == sent(USER)


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (Options(effort="none"), "thinking", {"type": "disabled"}),
        (
            Options(
                extras={"thinking": {"type": "enabled", "budget_tokens": 99}}, dialect="messages"
            ),
            "thinking",
            {"type": "enabled", "token_budget": 99},
        ),
        (Options(format=Format()), "response_format", {"type": "json_object"}),
        (Options(tools=(WEATHER,), tool_choice=ToolChoice("none")), "tool_choice", "NONE"),
        (Options(tools=(WEATHER,), tool_choice=ToolChoice("auto")), "tool_choice", None),
    ],
)
def test_option_is_told_in_coheres_words(options: Options, field: str, value: object) -> None:
    assert sent(USER, options=options).get(field) == value


def test_tool_that_must_be_called_is_the_only_one() -> None:
    options = Options(tools=(WEATHER, Tool("clock")), tool_choice=ToolChoice("named", "clock"))
    body = sent(USER, options=options)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["clock"]
    assert body["tool_choice"] == "REQUIRED"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (Options(n=2), "n"),
        (Options(logprobs=True, top_logprobs=1), "top_logprobs"),
        (Options(tools=(WEATHER,), parallel_tool_calls=False), "parallel_tool_calls"),
        (Options(effort="low"), "reasoning_effort"),
        (Options(effort="low", dialect="responses"), "reasoning.effort"),
        (Options(extras={"store": True}), "store"),
        (Options(extras={"thinking": {"type": "adaptive"}}), "thinking"),
        (Options(extras={"thinking": {"type": "adaptive"}}, dialect="messages"), "thinking"),
        (Options(tools=(Tool("w", kind="web_search"),)), "tools[0].type"),
        (Options(tools=(Tool("w", extras={"odd": 1}),)), "tools[0].odd"),
        (Options(tools=(WEATHER,), tool_choice=ToolChoice("named", "x")), "tool_choice"),
    ],
)
def test_option_without_a_counterpart_is_refused_by_its_name(options: Options, param: str) -> None:
    assert refused(USER, options=options) == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (Message("user", "x", extras={"name": "Ann"}), "messages[].name"),
        (Message("tool", "x", tool_call_id="c9", extras={"name": "x"}), "messages[].name"),
        (Message("user", "", (Media("audio", "aGk="),)), "messages[].content[]"),
        (Message("user", "x", (Text("x", {"odd": 1}),)), "messages[].content[].odd"),
        (Message("tool", "", (Media("image", "aGk="),), tool_call_id="c"), "messages[].content[]"),
        (Message("assistant", "", thoughts=(Thought(hidden="x"),)), "messages[].reasoning_details"),
    ],
)
def test_message_without_a_counterpart_is_refused_by_its_field(
    message: Message, param: str
) -> None:
    assert refused(message) == param
