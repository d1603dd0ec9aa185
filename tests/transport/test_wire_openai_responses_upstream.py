"""A provider that is asked by the Responses API: what it gets, and what is made of its answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    Choice,
    Format,
    JsonValue,
    Media,
    Message,
    Options,
    Piece,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.stories.serve.lanes import StreamedChoice
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import UNTOLD, ErrorTold, NotACompletion
from passerelle.transport.wire.openai_responses import decode_request
from passerelle.transport.wire.openai_responses_answers import output_items
from passerelle.transport.wire.openai_responses_calls import encode_call
from passerelle.transport.wire.openai_responses_reader import ResponsesReader
from passerelle.transport.wire.openai_responses_upstream import decode_response
from passerelle.transport.wire.sse import EventReader
from tests.openapi import openai_description
from tests.recordings import Recorded, recorded


def call(*messages: Message, **options: Any) -> ModelCall:
    options.setdefault("dialect", "responses")
    return ModelCall(
        model="gpt-5",
        messages=messages or (Message("user", "Fees?"),),
        question="",
        hits=(),
        sentences=0,
        refuse_below=0.0,
        refusal="",
        deadline_seconds=5.0,
        options=Options(**options),
    )


def sent(asked: ModelCall, *, stream: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_call(asked, stream=stream))
    return body


def refused(asked: ModelCall) -> str | None:
    with pytest.raises(Inexpressible) as caught:
        encode_call(asked, stream=False)
    return caught.value.param


def test_a_call_carries_all_and_stores_nothing() -> None:
    assert sent(call(Message("system", "Be brief."), Message("user", "Fees?")), stream=True) == {
        "model": "gpt-5",
        "input": [
            {"type": "message", "role": "system", "content": "Be brief."},
            {"type": "message", "role": "user", "content": "Fees?"},
        ],
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
    }


FULL = call(
    Message("user", "Look", (Text("Look"), Media("image", "AAAA", media_type="image/png"))),
    Message(
        "assistant",
        "I look.",
        tool_calls=(ToolCall("c1", "find", '{"q": 1}'),),
        thoughts=(Thought("Hm.", hidden="rs_1.gAAA"),),
    ),
    Message("tool", "4 %", tool_call_id="c1"),
    max_tokens=50,
    temperature=0.5,
    top_p=0.9,
    logprobs=True,
    top_logprobs=2,
    tools=(
        Tool("find", "Finds.", {"type": "object", "properties": {}}, strict=True),
        Tool("web_search", kind="web_search", extras={"type": "web_search"}),
    ),
    tool_choice=ToolChoice("named", "find"),
    parallel_tool_calls=False,
    format=Format({"type": "object"}, "n", "d", strict=True),
    effort="low",
    extras={
        "reasoning": {"summary": "auto"},
        "text": {"verbosity": "low"},
        "include": ["file_search_call.results"],
        "service_tier": "flex",
    },
)


def test_what_is_sent_is_as_described(data_sets: Path) -> None:
    openai_description(data_sets).validate("CreateResponse", sent(FULL))
    openai_description(data_sets).validate("CreateResponse", sent(call()))


def test_a_call_says_all_that_a_client_has_asked() -> None:
    again = decode_request(encode_call(FULL, stream=False)).chat
    assert again.messages == FULL.messages
    assert again.options == FULL.options


_word = st.text(min_size=1, max_size=6)
_turns = st.one_of(
    st.builds(Message, st.sampled_from(("user", "system", "developer")), _word),
    st.builds(lambda text, name: Message("tool", text, tool_call_id=name), _word, _word),
    st.builds(
        lambda text, calls: Message("assistant", text, tool_calls=tuple(calls)),
        _word,
        st.lists(st.builds(ToolCall, _word, _word, _word), max_size=3),
    ),
)


@given(st.lists(_turns, min_size=1, max_size=5))
def test_every_conversation_comes_out_as_it_went_in(turns: list[Message]) -> None:
    asked = call(*turns, dialect="chat")
    assert decode_request(encode_call(asked, stream=False)).chat.messages == tuple(turns)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"stop": ("x",)}, "stop"),
        ({"seed": 7}, "seed"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"dialect": "chat", "extras": {"verbosity": "low"}}, "verbosity"),
        ({"dialect": "messages", "tools": (Tool("x", kind="bash_1"),)}, "tools"),
        ({"dialect": "chat", "tools": (Tool("x", extras={"odd": 1}),)}, "tools"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(options: dict[str, Any], param: str) -> None:
    assert refused(call(**options)) == param


def test_fields_of_other_formats_are_refused_but_for_marks_of_a_cache() -> None:
    odd = Message("user", "x", (Text("x", {"odd": 1}),))
    marked = Message("user", "x", (Text("x", {"cache_control": {}}),), extras={"cache_control": 1})
    assert refused(call(odd, dialect="chat")) == "messages"
    assert refused(call(Message("user", "x", extras={"name": "Ann"}), dialect="chat")) == "messages"
    (item,) = sent(call(marked, dialect="messages"))["input"]
    assert item == {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "x"}],
    }


def test_what_only_another_provider_can_read_is_left_out() -> None:
    thoughts = (Thought("Hm.", "signed"), Thought(hidden="sealed"))
    turn = Message(
        "assistant", "4 %.", thoughts=thoughts, tool_calls=(ToolCall("c", "f", "{}", "s"),)
    )
    items = sent(call(turn, Message("assistant", "", thoughts=thoughts)))["input"]
    assert [item["type"] for item in items] == ["message", "function_call"]
    assert "signature" not in items[1]


def test_functions_of_other_formats_are_not_made_strict() -> None:
    (tool,) = sent(call(dialect="chat", tools=(Tool("find"),)))["tools"]
    assert (tool["strict"], tool["parameters"]) == (False, {"type": "object", "properties": {}})
    (native,) = sent(call(tools=(Tool("find"),)))["tools"]
    assert "strict" not in native


def body(**fields: Any) -> bytes:
    return json.dumps({"status": "completed", "model": "m", "output": [], **fields}).encode()


MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [
        {
            "type": "output_text",
            "text": "4 %.",
            "annotations": [{"type": "url_citation", "url": "https://x.test", "title": "X"}],
            "logprobs": [{"token": "4", "logprob": -0.5, "bytes": [52], "top_logprobs": []}],
        },
        {"type": "refusal", "refusal": "No more."},
    ],
    "phase": "final_answer",
}
SEARCH: JsonValue = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def test_an_answer_is_read() -> None:
    answer = body(
        output=[
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"text": "Hm."}],
                "encrypted_content": "g",
            },
            SEARCH,
            MESSAGE,
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "find",
                "arguments": "{}",
                "id": "fc",
            },
        ],
        usage={
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3},
        },
        service_tier="default",
    )
    completion = decode_response(answer)
    assert completion.usage == Usage(10, 7, 4, 0, 3)
    assert (completion.model, completion.extras) == ("m", {"service_tier": "default"})
    assert completion.choices == (
        Choice(
            "4 %.",
            "tool_calls",
            tool_calls=(ToolCall("c1", "find", "{}"),),
            thoughts=(Thought("Hm.", hidden="rs_1.g"),),
            refusal="No more.",
            logprobs={
                "content": [{"token": "4", "logprob": -0.5, "bytes": [52], "top_logprobs": []}],
                "refusal": None,
            },
            extras={
                "output_items": [SEARCH],
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://x.test", "title": "X"},
                    }
                ],
                "phase": "final_answer",
            },
        ),
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
    ],
)
def test_why_an_answer_ended(fields: dict[str, Any], reason: str) -> None:
    assert decode_response(body(**fields)).finish_reason == reason


def test_usage_that_is_not_told_is_no_usage() -> None:
    assert decode_response(body(output=[MESSAGE])).usage == UNTOLD


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{" * 5_000,
        b'{"output": 4}',
        body(output=[{"type": "function_call", "name": "f"}]),
        body(output=[{"type": "message", "content": "x"}]),
    ],
)
def test_what_is_no_response_is_not_taken_for_one(answer: bytes) -> None:
    with pytest.raises(NotACompletion):
        decode_response(answer)


def test_a_failure_after_a_good_status_is_told() -> None:
    failed = body(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow down."})
    with pytest.raises(ErrorTold) as caught:
        decode_response(failed)
    assert (caught.value.told.code, caught.value.told.message) == (
        "rate_limit_exceeded",
        "Slow down.",
    )


def events(*told: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in told)


def read(data: bytes, size: int) -> tuple[Choice, Piece]:
    """What a stream comes to, however it is cut, and its last piece."""
    reader, choice = ResponsesReader(call()), StreamedChoice(0, (), unscanned_blocks=False)
    pieces = [
        piece for at in range(0, len(data), size) for piece in reader.push(data[at : at + size])
    ]
    *others, last = reader.finish()
    for piece in [*pieces, *others, last]:
        choice.push(piece)
    choice.finish()
    return choice.screened().choice, last


DELTA = {"type": "response.output_text.delta", "output_index": 0, "delta": "4"}


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    reader = ResponsesReader(call())
    assert reader.push(events(DELTA)) == [Piece("4")]
    assert not reader.ended
    with pytest.raises(CutOff):
        reader.finish()


def test_usage_that_a_stream_does_not_tell_is_estimated() -> None:
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    _, last = read(events(DELTA, end), 1_000)
    assert last.usage is not None
    assert last.usage.estimated


@pytest.mark.parametrize(
    "told",
    [
        {"type": "error", "code": "server_error", "message": "Oh.", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "Oh."}},
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "server_error", "message": "Oh."}},
        },
    ],
)
def test_a_failure_within_a_stream_is_told(told: dict[str, Any]) -> None:
    with pytest.raises(ErrorTold) as caught:
        ResponsesReader(call()).push(events(told))
    assert (caught.value.told.code, caught.value.told.message) == ("server_error", "Oh.")


@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: 4\n\n", b'data: {"type": "response.completed"}\n\n']
)
def test_garbage_within_a_stream_is_not_taken_for_an_answer(data: bytes) -> None:
    with pytest.raises(NotACompletion):
        ResponsesReader(call()).push(data)


def _answers(data_sets: Path, *, streamed: bool) -> list[Recorded]:
    return [
        each
        for each in recorded(data_sets, r"/responses(\?|$)")
        if each.method == "POST" and each.status == 200 and each.streamed is streamed
    ]


def test_every_recorded_answer_is_read_whole(data_sets: Path) -> None:
    answers = _answers(data_sets, streamed=False)
    assert answers
    for each in answers:
        raw = json.loads(each.body)
        choice = decode_response(each.body).choices[0]
        assert choice.text == "\n\n".join(_texts(raw["output"])), str(each)
        known = [item["type"] for item in raw["output"] if item["type"] in _READ]
        again: list[Any] = output_items(choice, "1")
        kinds = [item["type"] for item in again]
        assert sorted(kind for kind in kinds if kind in _READ and kind != "message") == sorted(
            kind for kind in known if kind != "message"
        ), str(each)
        assert len(again) >= len(raw["output"]) - known.count("message")


_READ = {"message", "reasoning", "function_call"}


def _texts(output: list[dict[str, Any]]) -> list[str]:
    said = [
        "".join(part.get("text", "") for part in item["content"])
        for item in output
        if item["type"] == "message"
    ]
    return [text for text in said if text]


@pytest.mark.parametrize("size", [7, 1_000, 10_000_000])
def test_every_recorded_stream_comes_to_the_answer_that_it_ends_with(
    size: int, data_sets: Path
) -> None:
    streams = _answers(data_sets, streamed=True)
    assert streams
    for each in streams:
        told = [json.loads(event.data) for event in EventReader().push(each.body)]
        final = next(event["response"] for event in told if event["type"] == "response.completed")
        whole = decode_response(json.dumps(final).encode())
        choice, last = read(each.body, size)
        assert (last.usage, last.model, last.extras) == (whole.usage, whole.model, whole.extras)
        expected = whole.choices[0]
        assert choice.text == expected.text
        assert choice.tool_calls == expected.tool_calls
        # Each time it is told, a thought is encrypted anew; its id stays.
        assert _names(choice) == _names(expected)
        assert last.finish_reason == expected.finish_reason


def _names(choice: Choice) -> list[str]:
    return [thought.hidden.partition(".")[0] for thought in choice.thoughts if thought.hidden]
