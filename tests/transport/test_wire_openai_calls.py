"""Calls of servers that speak Chat Completions."""

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
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.openai_calls import Dialect, encode_request

CALL = ModelCall(
    model="m",
    messages=(Message("user", "?"),),
    question="?",
    hits=(),
    sentences=1,
    refuse_below=0.0,
    refusal="",
    deadline_seconds=1.0,
)
PLAIN = Dialect()


def written(
    *messages: Message,
    options: Options | None = None,
    dialect: Dialect = PLAIN,
    stream: bool = False,
) -> dict[str, Any]:
    call = replace(CALL, messages=messages or CALL.messages)
    call = call if options is None else replace(call, options=options)
    body: dict[str, Any] = json.loads(encode_request(call, dialect, stream=stream))
    return body


def sent(message: Message, dialect: Dialect = PLAIN, options: Options | None = None) -> Any:
    return written(message, dialect=dialect, options=options)["messages"][0]


def test_plain_call_says_no_more_than_it_must() -> None:
    assert written() == {"model": "m", "messages": [{"role": "user", "content": "?"}]}


def test_every_option_is_written() -> None:
    options = Options(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        stop=("a",),
        seed=0,
        n=2,
        presence_penalty=0.0,
        frequency_penalty=1.0,
        logprobs=True,
        top_logprobs=0,
        tools=(Tool("f", "d", {"type": "object"}, strict=False),),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        format=Format({"type": "object"}, "s", "d", strict=True),
        effort="low",
        extras={"top_k": 3},
    )
    body = written(options=options)
    del body["messages"], body["model"]
    assert body == {
        "max_completion_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["a"],
        "seed": 0,
        "n": 2,
        "presence_penalty": 0.0,
        "frequency_penalty": 1.0,
        "logprobs": True,
        "top_logprobs": 0,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object"},
                    "strict": False,
                },
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "s",
                "schema": {"type": "object"},
                "description": "d",
                "strict": True,
            },
        },
        "reasoning_effort": "low",
        "top_k": 3,
    }


def test_words_of_a_server_are_used() -> None:
    dialect = Dialect(
        tokens_field="max_tokens",
        seed_field="random_seed",
        must_call="any",
        developer_role=False,
        needs_parameters=True,
        include_usage=False,
    )
    options = Options(max_tokens=1, seed=2, tools=(Tool("f"),), tool_choice=ToolChoice("required"))
    body = written(Message("developer", "a"), options=options, dialect=dialect, stream=True)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "a"}],
        "stream": True,
        "max_tokens": 1,
        "random_seed": 2,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "tool_choice": "any",
    }


def test_named_tool_and_bare_json_are_written() -> None:
    body = written(options=Options(tool_choice=ToolChoice("named", "f"), format=Format()))
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["response_format"] == {"type": "json_object"}


def test_schema_without_a_name_gets_one() -> None:
    body = written(options=Options(format=Format({"type": "object"})))
    assert body["response_format"]["json_schema"]["name"] == "answer"


def test_our_fields_cannot_be_overruled_by_unknown_ones() -> None:
    extras: Any = {"model": "x", "messages": [], "temperature": 2, "stream": True}
    options = Options(temperature=0.0, max_tokens=3, extras={**extras, "max_completion_tokens": 9})
    assert written(options=options) == {
        "model": "m",
        "messages": [{"role": "user", "content": "?"}],
        "temperature": 0.0,
        "max_completion_tokens": 3,
    }


def test_unknown_options_of_streams_stand_beside_ours() -> None:
    options = Options(extras={"stream_options": {"obfuscate": True}})
    body = written(options=options, stream=True)
    assert body["stream_options"] == {"obfuscate": True, "include_usage": True}
    assert "stream_options" not in written(options=options)


def test_fields_that_the_server_would_ignore_are_refused() -> None:
    dialect = Dialect(ignored=frozenset({"n", "logit_bias"}))
    for options, param in (
        (Options(n=2), "n"),
        (Options(extras={"logit_bias": {"1": 1}}), "logit_bias"),
    ):
        with pytest.raises(Inexpressible) as caught:
            written(options=options, dialect=dialect)
        assert caught.value.param == param


@pytest.mark.parametrize(
    ("options", "message", "param"),
    [
        (Options(extras={"thinking": {}}, dialect="messages"), CALL.messages[0], "thinking"),
        (
            Options(tools=(Tool("bash", kind="bash_20250124"),), dialect="messages"),
            CALL.messages[0],
            "tools[0].type",
        ),
        (
            Options(tools=(Tool("f", extras={"x": 1}),), dialect="messages"),
            CALL.messages[0],
            "tools[0].x",
        ),
        (
            Options(dialect="messages"),
            Message("user", "a", extras={"x": 1}),
            "messages[0].x",
        ),
        (
            Options(dialect="responses"),
            Message("user", "a", (Text("a", {"x": 1}),)),
            "messages[0].content[0].x",
        ),
        (
            Options(),
            Message("user", "", (Media("audio", url="https://a.example"),)),
            "messages[0].content[0]",
        ),
        (
            Options(dialect="messages"),
            Message("user", "", (Media("file", url="https://a.example"),)),
            "messages[0].content[0]",
        ),
        (
            Options(),
            Message("assistant", "a", thoughts=(Thought(hidden="x"),)),
            "messages[0].reasoning_details",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_counterpart_is_refused_by_name(
    options: Options, message: Message, param: str
) -> None:
    with pytest.raises(Inexpressible) as caught:
        written(message, options=options)
    assert caught.value.param == param


def test_marks_of_caches_of_another_format_go_only_where_they_are_known() -> None:
    marked = Message("user", "a", (Text("a", {"cache_control": {"type": "ephemeral"}}),))
    foreign = Options(dialect="messages")
    assert sent(marked, options=foreign)["content"] == [{"type": "text", "text": "a"}]
    knows = Dialect(cache_marks=True)
    for dialect, options in ((knows, foreign), (PLAIN, Options())):
        content = sent(marked, dialect, options)["content"]
        assert content[0]["cache_control"] == {"type": "ephemeral"}


def test_parts_are_written_in_order() -> None:
    parts = (
        Text("one"),
        Media("image", "AA==", media_type="image/png", extras={"detail": "low"}),
        Media("image", url="https://a.example"),
        Media("audio", "AA==", media_type="audio/mpeg"),
        Media("file", "AA==", media_type="application/pdf", name="a.pdf"),
        Media("file", url="https://a.example/b.pdf"),
        Text("two"),
    )
    assert sent(Message("user", "one\ntwo", parts))["content"] == [
        {"type": "text", "text": "one"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://a.example"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        },
        {"type": "file", "file": {"file_data": "https://a.example/b.pdf"}},
        {"type": "text", "text": "two"},
    ]


def test_calls_and_their_results_are_written() -> None:
    calls = (ToolCall("c", "f", '{"a":1}'), ToolCall("d", "g", "", "s"))
    message = sent(Message("assistant", "", tool_calls=calls))
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    signed = sent(Message("assistant", "", tool_calls=calls), Dialect(call_signatures=True))
    google = {"google": {"thought_signature": "s"}}
    assert signed["tool_calls"][1]["extra_content"] == google
    assert sent(Message("tool", "42", tool_call_id="c")) == {
        "role": "tool",
        "content": "42",
        "tool_call_id": "c",
    }


def test_result_that_failed_says_so_in_its_text() -> None:
    assert sent(Message("tool", "no", tool_call_id="c", failed=True))["content"] == "Error: no"
    parts = (Text("a"), Text("b"))
    message = sent(Message("tool", "a\nb", parts, tool_call_id="c", failed=True))
    assert [part["text"] for part in message["content"]] == ["Error:", "a", "b"]


def test_thoughts_go_where_the_server_looks_for_them() -> None:
    message = Message("assistant", "a", thoughts=(Thought("Hm, ", "signed"), Thought("so.")))
    assert sent(message)["reasoning_content"] == "Hm, so."
    assert sent(message, Dialect(thoughts_field="reasoning"))["reasoning"] == "Hm, so."
    assert sent(message, Dialect(thoughts_field="thinking"))["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm, so."}]},
        {"type": "text", "text": "a"},
    ]


def test_fields_of_a_message_that_we_do_not_know_are_kept() -> None:
    message = Message("user", "a", extras={"name": "ann", "role": "system"})
    assert sent(message) == {"name": "ann", "role": "user", "content": "a"}


def test_tools_that_the_server_runs_are_written_as_they_came() -> None:
    search: dict[str, Any] = {"type": "web_search", "country": "CH"}
    marked = Tool("f", extras={"cache_control": {}, "function": {"x": 1}})
    options = Options(tools=(Tool("web_search", kind="web_search", extras=search), marked))
    assert written(options=options)["tools"] == [
        search,
        {"type": "function", "function": {"x": 1, "name": "f"}, "cache_control": {}},
    ]
