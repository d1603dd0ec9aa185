"""Requests of the Responses API become conversations, and nothing of them is lost."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    Format,
    Media,
    Message,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.core.values.errors import InvalidRequest
from passerelle.transport.wire.openai_responses import (
    MOST_ITEMS,
    ResponsesRequest,
    decode_request,
    kept_echo,
)
from passerelle.transport.wire.openai_responses_items import decode_items, encode_items, items_of
from tests.openapi import openai_description
from tests.recordings import Recorded, recorded


def read(**fields: Any) -> ResponsesRequest:
    return decode_request(json.dumps({"model": "handbook", "input": "Hi", **fields}).encode())


def messages(*items: dict[str, Any]) -> tuple[Message, ...]:
    return read(input=list(items)).chat.messages


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    return caught.value


def test_a_text_is_what_a_user_says() -> None:
    request = read()
    assert request.chat.messages == (Message("user", "Hi"),)
    assert (request.chat.model, request.chat.stream, request.store) == ("handbook", False, True)


def test_instructions_come_first_and_are_known_apart() -> None:
    request = read(instructions="Be brief.")
    assert request.chat.messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert (request.instructions, request.instructed) == ("Be brief.", 1)


def test_earlier_turns_stand_between_instructions_and_what_is_new() -> None:
    earlier = (Message("user", "Fees?"), Message("assistant", "4 %."))
    request = read(instructions="Be brief.", previous_response_id="resp_1").after(earlier)
    assert [each.text for each in request.chat.messages] == ["Be brief.", "Fees?", "4 %.", "Hi"]
    assert request.previous_response_id == "resp_1"


def test_a_conversation_may_not_grow_without_end() -> None:
    earlier = (Message("user", "?"),) * MOST_ITEMS
    with pytest.raises(InvalidRequest, match="more than 2048"):
        read(previous_response_id="resp_1").after(earlier)


def test_plain_messages_need_no_type() -> None:
    assert messages(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Fees?"}]},
        {"type": "message", "role": "assistant", "content": "4 %.", "id": "msg_1"},
    ) == (
        Message("developer", "Be brief."),
        Message("user", "Fees?"),
        Message("assistant", "4 %."),
    )


def test_parts_of_a_message_keep_their_order_and_what_they_carry() -> None:
    (message,) = messages(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What", "prompt_cache_breakpoint": {"mode": "x"}},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "high"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:a/pdf;base64,QQ=="},
                {"type": "input_file", "file_url": "https://x.test/b.pdf"},
                {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
                {"type": "input_text", "text": "is this?"},
            ],
        }
    )
    assert message.text == "What\nis this?"
    assert message.parts == (
        Text("What", {"prompt_cache_breakpoint": {"mode": "x"}}),
        Media("image", "AAAA", media_type="image/png"),
        Media("image", url="https://x.test/a.png", extras={"detail": "high"}),
        Media("file", "QQ==", media_type="a/pdf", name="a.pdf"),
        Media("file", url="https://x.test/b.pdf"),
        Media("audio", "UklG", media_type="audio/wav"),
        Text("is this?"),
    )


def test_what_a_model_thought_said_and_called_is_one_turn() -> None:
    assert messages(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}", "id": "fc"},
        {"type": "function_call", "call_id": "c2", "name": "ask", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "4 %"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_image", "image_url": "https://x.test/a.png"}],
        },
    ) == (
        Message(
            "assistant",
            "I look.",
            tool_calls=(ToolCall("c1", "find"), ToolCall("c2", "ask", '{"a": 1}')),
            thoughts=(Thought("Hm."),),
        ),
        Message("tool", "4 %", tool_call_id="c1"),
        Message("tool", "", (Media("image", url="https://x.test/a.png"),), tool_call_id="c2"),
    )


def test_words_after_calls_are_a_turn_of_their_own() -> None:
    calls, words = messages(
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        {"role": "assistant", "content": "I look."},
    )
    assert (len(calls.tool_calls), words.text) == (1, "I look.")


def test_an_encrypted_thought_goes_back_under_its_own_id() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    (message,) = messages(item)
    assert message.thoughts == (Thought(hidden="rs_1.gAAA"),)
    assert list(items_of(message)) == [item]


def test_an_item_that_we_do_not_interpret_is_passed_on_whole() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"q": "x"}}
    (message,) = messages(item)
    assert (message.role, message.text, message.extras) == ("assistant", "", item)
    assert list(items_of(message)) == [item]


def test_fields_of_a_call_that_we_do_not_interpret_stay_with_that_call() -> None:
    named = {
        "type": "function_call",
        "call_id": "c2",
        "name": "find",
        "arguments": "{}",
        "namespace": "crm",
    }
    plain = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"}
    found = messages(plain, named, plain | {"call_id": "c3"})
    assert [each.extras for each in found] == [{}, {"namespace": "crm"}, {}]
    assert [item for each in found for item in items_of(each)][1] == named


def test_what_a_model_refused_to_say_is_its_own_words() -> None:
    (message,) = messages(
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I may not."}]}
    )
    assert message == Message("assistant", "I may not.")


def test_options_are_read() -> None:
    options = read(
        max_output_tokens=50,
        temperature=0.5,
        top_p=0.9,
        top_logprobs=2,
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
        parallel_tool_calls=False,
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True}},
        truncation="disabled",
    ).chat.options
    assert (options.max_tokens, options.temperature, options.top_p) == (50, 0.5, 0.9)
    assert (options.logprobs, options.top_logprobs) == (True, 2)
    assert options.parallel_tool_calls is False
    assert options.effort == "low"
    assert options.format == Format({"a": 1}, "n", "", strict=True)
    assert (options.dialect, dict(options.extras)) == ("responses", {})


@pytest.mark.parametrize(
    ("given", "meant"),
    [({"type": "text"}, None), ({"type": "json_object"}, Format()), (None, None)],
)
def test_formats_without_a_schema(given: Any, meant: Format | None) -> None:
    assert read(text={"format": given}).chat.options.format == meant


def test_tools_are_flat_and_those_of_providers_stay_whole() -> None:
    search = {"type": "web_search", "search_context_size": "low"}
    function = {
        "type": "function",
        "name": "find",
        "description": "Finds.",
        "parameters": {"type": "object"},
        "strict": True,
        "defer_loading": True,
    }
    tools = read(tools=[function, search]).chat.options.tools
    assert tools == (
        Tool("find", "Finds.", {"type": "object"}, True, extras={"defer_loading": True}),
        Tool("web_search", kind="web_search", extras=search),
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "find"}, ToolChoice("named", "find")),
    ],
)
def test_tool_choices(given: Any, meant: ToolChoice) -> None:
    assert read(tool_choice=given).chat.options.tool_choice == meant


def test_what_nobody_here_interprets_is_kept_in_its_own_naming() -> None:
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": []}
    request = read(
        text={"verbosity": "low"},
        reasoning={"effort": "low", "summary": "auto"},
        include=["file_search_call.results"],
        tool_choice=allowed,
        truncation="auto",
        service_tier="flex",
        made_up={"a": 1},
        safety_identifier="s",
        user="u",
        nothing=None,
    )
    assert request.chat.options.extras == {
        "text": {"verbosity": "low"},
        "reasoning": {"summary": "auto"},
        "include": ["file_search_call.results"],
        "tool_choice": allowed,
        "truncation": "auto",
        "service_tier": "flex",
        "made_up": {"a": 1},
        "user": "u",
    }
    assert request.chat.end_user == "s"


def test_an_answer_repeats_the_parameters() -> None:
    request = read(instructions="Be brief.", metadata={"a": "b"}, user="ann", temperature=0.5)
    assert request.echo["instructions"] == "Be brief."
    assert request.echo["metadata"] == {"a": "b"}
    assert request.echo["tool_choice"] == "auto"
    assert request.echo["text"] == {"format": {"type": "text"}}
    assert request.echo["temperature"] == 0.5
    assert request.echo["user"] == "ann"
    assert kept_echo(request.echo).keys() == request.echo.keys() - {"instructions", "user"}


def test_a_client_may_ask_not_to_be_remembered() -> None:
    assert read(store=False).store is False
    assert read(store=None).store is True


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 4}, "input"),
        ({"input": ["Hi"]}, "input[0]"),
        ({"input": [{"role": "judge", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "hologram"}]}]},
            "input[0].content[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
            "input[0].call_id",
        ),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": 4}]}, "input[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"temperature": -1}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"metadata": {"a": 4}}, "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_obfuscation": True}},
            "stream_options.include_obfuscation",
        ),
        ({"input": [{"role": "user", "content": "x"}] * (MOST_ITEMS + 1)}, "input"),
    ],
)
def test_a_fault_names_its_place(fields: dict[str, Any], param: str) -> None:
    refusal = refused(**fields)
    assert refusal.param is not None
    assert refusal.param.startswith(param)
    assert refusal.status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model": "m", "input": "\xff"}', b"{" * 5_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body)


IMAGE = {"type": "input_image", "image_url": "https://x.test/a.png"}
FULL: dict[str, Any] = {
    "model": "handbook",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"text": "x"}], "encrypted_content": "g"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [IMAGE]},
        {"type": "web_search_call", "action": {"query": "x"}},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "mcp"}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
    "stream": True,
    "stream_options": {"include_obfuscation": False},
}
_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def _places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    below = [place for key in keys for place in _places(value[key], *path, key)]
    return [path, *below] if path else below


def test_the_whole_request_is_read() -> None:
    chat = decode_request(json.dumps(FULL).encode()).chat
    assert [message.role for message in chat.messages] == ["user", "assistant", "tool", "assistant"]
    assert len(chat.options.tools) == 2


@given(st.sampled_from(_places(FULL)), _junk)
def test_a_damaged_request_is_read_or_refused_and_nothing_else(
    place: tuple[Any, ...], junk: Any
) -> None:
    damaged = deepcopy(FULL)
    below: Any = damaged
    for key in place[:-1]:
        below = below[key]
    below[place[-1]] = junk
    try:
        request = decode_request(json.dumps(damaged).encode())
    except InvalidRequest:
        return
    encode_items(request.chat.messages, "1")
    msgspec.json.encode(dict(request.echo))


_word = st.text(min_size=1, max_size=6)
_calls = st.lists(st.builds(ToolCall, _word, _word, _word, _word), max_size=3).map(tuple)
_turns = st.one_of(
    st.builds(Message, st.sampled_from(("user", "system", "developer")), _word),
    st.builds(lambda text, call: Message("tool", text, tool_call_id=call), _word, _word),
    st.builds(
        lambda text, calls, thoughts: Message(
            "assistant", text, tool_calls=calls, thoughts=thoughts
        ),
        _word,
        _calls,
        st.lists(st.builds(Thought, _word, _word, _word), max_size=2).map(tuple),
    ),
)


@given(st.lists(_turns, max_size=5))
def test_a_conversation_survives_the_way_to_items_and_back(turns: list[Message]) -> None:
    items = json.loads(json.dumps(encode_items(turns, "1")))
    assert decode_items(items) == tuple(turns)


def test_items_of_a_conversation_are_as_described(data_sets: Path) -> None:
    turns = messages(
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test/a.png"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "4 %"},
    )
    for item in encode_items(turns, "1"):
        openai_description(data_sets).validate("ItemResource", item)


_REFUSED = {"conversation", "background", "temperature"}
"""What recorded requests ask for that is refused by name."""


def _requests(data_sets: Path) -> list[Recorded]:
    return [call for call in recorded(data_sets, r"/responses(\?|$)") if call.method == "POST"]


def test_every_recorded_request_is_read_or_refused_by_name(data_sets: Path) -> None:
    calls = _requests(data_sets)
    read_ones = 0
    for call in calls:
        try:
            request = decode_request(call.request_body)
        except InvalidRequest as refusal:
            assert refusal.param in _REFUSED, str(call)  # noqa: PT017 - most are not refused
            continue
        read_ones += 1
        given = json.loads(call.request_body)["input"]
        said = given if isinstance(given, str) else given[-1].get("content")
        if isinstance(said, str):
            assert said in request.chat.messages[-1].text
    assert read_ones > 0.9 * len(calls)


def test_items_of_recorded_requests_come_out_as_they_went_in(data_sets: Path) -> None:
    for call in _requests(data_sets):
        given = json.loads(call.request_body)["input"]
        if isinstance(given, list):
            again = [item for turn in decode_items(given) for item in items_of(turn)]
            assert _essence(again) == _essence(given), str(call)


def _essence(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What items say, without their places in a store, and without those that say nothing."""
    return [said for said in map(_said, items) if said.get("parts") != [{}]]


def _said(item: dict[str, Any]) -> dict[str, Any]:
    said = {key: item[key] for key in item if key not in ("id", "status") and item[key] is not None}
    if said.get("type", "message") == "message":
        content = said.pop("content")
        parts = [{"text": content}] if isinstance(content, str) else content
        said |= {"type": "message", "parts": [_part(part) for part in parts]}
    if said["type"] == "reasoning":
        texts = said.pop("summary") + (said.pop("content", None) or [])
        said["text"] = "\n".join(dict.fromkeys(part["text"] for part in texts))
    return said


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in ("type", "detail") and value}
