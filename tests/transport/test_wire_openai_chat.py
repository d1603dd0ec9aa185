"""Requests of Chat Completions, as clients send them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    NO_OPTIONS,
    ChatRequest,
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
from passerelle.core.values.errors import InvalidRequest
from passerelle.transport.wire.bodies import InvalidField
from passerelle.transport.wire.openai_chat import decode_request

ASKED = {"role": "user", "content": "?"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}


def decoded(**fields: object) -> ChatRequest:
    return decode_request(json.dumps({"model": "m", "messages": [ASKED]} | fields).encode())


def received(message: dict[str, Any]) -> Message:
    return decoded(messages=[message]).messages[0]


def part(**fields: Any) -> Message:
    return received({"role": "user", "content": [fields]})


def refused(**fields: object) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**fields)
    assert caught.value.message
    return caught.value.param


def test_plain_request_is_read_and_shares_the_options_of_all_plain_requests() -> None:
    request = decoded(stream=True, user="ann")
    assert request == ChatRequest("m", (Message("user", "?"),), stream=True, end_user="ann")
    assert request.options is NO_OPTIONS


def test_nulls_say_what_absence_says() -> None:
    nulls = dict.fromkeys(("temperature", "tools", "stop", "n", "tool_choice", "store", "x"))
    assert decoded(**nulls).options is NO_OPTIONS


def test_every_option_is_read() -> None:
    request = decoded(
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=5,
        temperature=1,
        top_p=0.5,
        stop=["a", "b"],
        seed=-7,
        n=3,
        presence_penalty=-1.5,
        frequency_penalty=2,
        logprobs=True,
        top_logprobs=4,
        tools=[TOOL],
        tool_choice="required",
        parallel_tool_calls=False,
        response_format={"type": "json_object"},
        reasoning_effort="low",
    )
    assert request.include_usage
    assert request.options == Options(
        max_tokens=5,
        temperature=1.0,
        top_p=0.5,
        stop=("a", "b"),
        seed=-7,
        n=3,
        presence_penalty=-1.5,
        frequency_penalty=2.0,
        logprobs=True,
        top_logprobs=4,
        tools=(Tool("f", "d", {"type": "object"}, strict=True),),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        format=Format(),
        effort="low",
    )


def test_newer_name_of_the_token_limit_wins() -> None:
    assert decoded(max_tokens=5, max_completion_tokens=9).options.max_tokens == 9


def test_one_stop_text_is_a_list_of_one() -> None:
    assert decoded(stop="\n").options.stop == ("\n",)


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("any", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("named", "f")),
        ({"function": {"name": "f"}}, ToolChoice("named", "f")),
    ],
)
def test_choice_of_tools_is_read_in_every_form(choice: object, read: ToolChoice) -> None:
    assert decoded(tool_choice=choice).options.tool_choice == read


def test_choice_of_tools_that_we_do_not_know_is_passed_on() -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    options = decoded(tool_choice=choice).options
    assert (options.tool_choice, options.extras) == (None, {"tool_choice": choice})


def test_schema_of_the_answer_is_read() -> None:
    schema = {"name": "s", "schema": {"type": "object"}, "strict": True, "description": "d"}
    given = decoded(response_format={"type": "json_schema", "json_schema": schema}).options
    assert given.format == Format({"type": "object"}, "s", "d", strict=True)
    assert decoded(response_format={"type": "text"}).options is NO_OPTIONS
    grammar = {"type": "grammar", "grammar": "x"}
    assert decoded(response_format=grammar).options.extras == {"response_format": grammar}


def test_tools_that_a_provider_runs_itself_are_kept_whole() -> None:
    search: Any = {"type": "web_search", "user_location": {"country": "CH"}}
    marked = {**TOOL, "cache_control": {"type": "ephemeral"}}
    own, function = decoded(tools=[search, marked]).options.tools
    assert own == Tool("web_search", kind="web_search", extras=search)
    assert function.extras == {"cache_control": {"type": "ephemeral"}}


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=12).map(lambda name: "x_" + name),
        st.booleans() | st.integers(-9, 9) | st.text(max_size=9) | st.lists(st.integers(0, 9)),
        max_size=5,
    )
)
def test_fields_that_we_do_not_know_are_never_lost(fields: dict[str, Any]) -> None:
    assert decoded(**fields).options.extras == fields
    assert part(type="text", text="?", **fields).parts == ((Text("?", fields),) if fields else ())
    told = {key: value for key, value in fields.items() if value != []}
    assert received({**ASKED, **fields}).extras == told


def test_unknown_options_of_streams_are_kept() -> None:
    request = decoded(stream=True, stream_options={"include_usage": False, "obfuscate": True})
    assert not request.include_usage
    assert request.options.extras == {"stream_options": {"obfuscate": True}}


def test_functions_of_the_old_kind_are_passed_on() -> None:
    old = {"functions": [{"name": "f"}], "function_call": "auto"}
    assert decoded(**old).options.extras == old


def test_parts_are_kept_in_order_and_their_texts_are_joined_by_lines() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    one, two = ({"type": "text", "text": text} for text in ("one", "two"))
    message = received({"role": "user", "content": [one, picture, two]})
    assert message.text == "one\ntwo"
    image = Media("image", url="https://a.example/b.png")
    assert message.parts == (Text("one"), image, Text("two"))


def test_single_plain_text_part_is_a_plain_message() -> None:
    assert part(type="text", text="hello") == Message("user", "hello")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            Media("image", "AA==", media_type="image/png"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example", "detail": "low"}},
            Media("image", url="https://a.example", extras={"detail": "low"}),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example", "detail": "auto"}},
            Media("image", url="https://a.example"),
        ),
        (
            {"type": "image_url", "image_url": "gs://bucket/a"},
            Media("image", url="gs://bucket/a"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            Media("audio", "AA==", media_type="audio/mpeg"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            Media("audio", "AA==", media_type="audio/wav"),
        ),
        (
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
            },
            Media("file", "AA==", media_type="application/pdf", name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "https://a.example/a.pdf"}, "x": 1},
            Media("file", url="https://a.example/a.pdf", extras={"x": 1}),
        ),
        ({"type": "file", "file": {"file_data": "AA=="}}, Media("file", "AA==")),
    ],
)
def test_media_are_read_in_every_form(written: dict[str, Any], read: Media) -> None:
    assert part(**written).parts == (read,)


def test_turn_of_tool_calls_and_their_results_are_read() -> None:
    empty = {"id": "d", "function": {"name": "g", "arguments": ""}}
    called = received({"role": "assistant", "content": None, "tool_calls": [CALL, empty]})
    assert called.tool_calls == (ToolCall("c", "f", '{"a":1}'), ToolCall("d", "g", "{}"))
    assert (called.text, called.extras) == ("", {})
    told = received({"role": "tool", "content": "42", "tool_call_id": "c"})
    assert told == Message("tool", "42", tool_call_id="c")


def test_signature_of_a_call_comes_back_as_it_left() -> None:
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "s"}}}
    message = received({"role": "assistant", "content": None, "tool_calls": [signed]})
    assert message.tool_calls[0].signature == "s"


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_of_other_servers_are_read(field: str) -> None:
    message = received({"role": "assistant", "content": "a", field: "Hm."})
    assert (message.thoughts, message.extras) == ((Thought("Hm."),), {})


def test_details_of_thoughts_are_ours_only_where_we_wrote_them() -> None:
    theirs = {"type": "reasoning.text", "text": "Hm.", "format": "else"}
    ours = {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "passerelle-v1"}
    message = received(
        {
            "role": "assistant",
            "content": "a",
            "reasoning_content": "Hm.",
            "reasoning_details": [theirs, ours],
        }
    )
    assert message.thoughts == (Thought("Hm.", "s"),)
    assert message.extras == {"reasoning_details": [theirs]}


def test_message_that_an_sdk_sends_back_holds_nothing_of_its_empty_fields() -> None:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    assert received(message) == Message("assistant", "a")


def test_refusal_is_what_the_model_said() -> None:
    assert received({"role": "assistant", "content": None, "refusal": "No."}).text == "No."
    parts = [{"type": "refusal", "refusal": "No."}]
    assert received({"role": "assistant", "content": parts}) == Message("assistant", "No.")


def test_name_of_a_speaker_is_kept() -> None:
    assert received({**ASKED, "name": "ann"}).extras == {"name": "ann"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [ASKED] * 2_049}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": True}, "n"),
        ({"n": 10**40}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"seed": 2**63}, "seed"),
        ({"stop": [1]}, "stop[0]"),
        ({"stop": 1}, "stop"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0].function"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format.json_schema.name",
        ),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"user": 3}, "user"),
    ],
    ids=str,
)
def test_field_of_a_bad_shape_is_named(fields: dict[str, object], param: str) -> None:
    assert refused(**fields) == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "?"}, "role"),
        ({"role": "robot", "content": "?"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "user", "content": []}, "content"),
        ({"role": "user", "content": 7}, "content"),
        ({"role": "user", "content": [{"text": "?"}]}, "content[0].type"),
        ({"role": "user", "content": [{"type": "text"}]}, "content[0].text"),
        ({"role": "user", "content": [{"type": "video", "text": "?"}]}, "content[0].type"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            "content[0].image_url.url",
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A"}}]},
            "content[0].input_audio.format",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
            "content[0].file.file_id",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {}}]},
            "content[0].file.file_data",
        ),
        ({"role": "tool", "content": "42"}, "tool_call_id"),
        ({"role": "tool", "content": "42", "tool_call_id": ""}, "tool_call_id"),
        ({"role": "tool", "content": None, "tool_call_id": "c"}, "content"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
            "tool_calls[0].id",
        ),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "tool_calls[0].function"),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]},
            "tool_calls[0].type",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": "{}"}}]},
            "tool_calls[0].function.name",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}],
            },
            "tool_calls[0].function.arguments",
        ),
    ],
    ids=str,
)
def test_field_of_a_message_is_named_with_its_place(message: dict[str, Any], param: str) -> None:
    assert refused(messages=[ASKED, message]) == f"messages[1].{param}"


@given(st.binary(max_size=300))
def test_any_bytes_give_a_request_or_a_clear_refusal(body: bytes) -> None:
    try:
        request = decode_request(body)
    except InvalidRequest as refusal:
        assert refusal.message  # noqa: PT017 - most bytes are refused, some are not
    else:
        assert request.messages


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    ["messages", "tools", "tool_choice", "response_format", "stop", "n", "stream_options", "user"]
)


@given(st.dictionaries(_FIELDS, _JSON, max_size=3))
def test_any_values_of_known_fields_give_a_request_or_name_the_field(fields: Any) -> None:
    try:
        decoded(stream=True, **fields)
    except InvalidRequest as refusal:
        if refusal.code != "invalid_json":  # msgspec reads no number that JSON does not know
            named = (refusal.param or "").partition("[")[0].partition(".")[0]
            assert named in fields


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b"{", b"", b"\xff", b'{"n":1e999}'])
def test_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body)
    assert caught.value.status == 400


def test_lone_surrogates_are_refused_rather_than_passed_on() -> None:
    with pytest.raises(InvalidRequest):
        decode_request(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')


def test_missing_field_is_told_as_missing() -> None:
    with pytest.raises(InvalidField, match="`messages` is missing"):
        decode_request(b'{"model":"m"}')
