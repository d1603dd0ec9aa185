"""Answers of Chat Completions, as clients get them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from passerelle.core.values.chat import (
    CallDelta,
    ChatRequest,
    Choice,
    Completion,
    Message,
    Options,
    Piece,
    Thought,
    ToolCall,
    Usage,
    spoken,
)
from passerelle.core.values.errors import Unavailable
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_answers import ChatWriter, encode_completion, encode_error
from passerelle.transport.wire.sse import EventReader
from tests.openapi import openai_description

HEADING = Heading("exc_1", 1_700_000_000, "handbook")
USAGE = Usage(3, 2, cached_input_tokens=1, reasoning_tokens=1)
CALLS = (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", ""))
LOGPROBS: Any = {
    "content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}],
    "refusal": None,
}
RICH = Completion(
    (
        Choice("Hello.", logprobs=LOGPROBS, extras={"annotations": [], "stop_reason": 7}),
        Choice("", "tool_calls", CALLS, (Thought("Hm."),)),
        Choice(refusal="I will not."),
    ),
    USAGE,
    "m",
    {"system_fingerprint": "fp", "service_tier": "default", "citations": ["u"], "id": "theirs"},
)


def asked(*, n: int = 1, include_usage: bool = False) -> ChatRequest:
    options = Options(n=n)
    message = (Message("user", "?"),)
    return ChatRequest("m", message, stream=True, include_usage=include_usage, options=options)


def whole(completion: Completion) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_completion(HEADING, completion, None))
    return body


def chunks(written: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in EventReader().push(written)]


def deltas(pieces: Iterable[Piece], writer: ChatWriter | None = None) -> list[dict[str, Any]]:
    write = writer or ChatWriter(HEADING, asked())
    written = b"".join(write.piece(piece) for piece in pieces)
    return [chunk["choices"][0]["delta"] for chunk in chunks(written)]


def test_plain_answer_is_written_as_openai_does() -> None:
    body = whole(spoken("Hello.", usage=USAGE, model="m"))
    assert body == {
        "id": "exc_1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "handbook",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    }


def test_all_that_a_choice_holds_is_written() -> None:
    first, second, third = whole(RICH)["choices"]
    assert (first["logprobs"], first["stop_reason"]) == (LOGPROBS, 7)
    assert first["message"]["annotations"] == []
    assert second["index"] == 1
    assert second["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "reasoning_content": "Hm.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    assert third["message"]["content"] is None
    assert third["message"]["refusal"] == "I will not."


def test_fields_of_an_answer_that_we_do_not_know_are_shown_but_never_instead_of_ours() -> None:
    body = whole(RICH)
    told = (body["system_fingerprint"], body["service_tier"], body["citations"], body["id"])
    assert told == ("fp", "default", ["u"], "exc_1")
    foreign = Completion((Choice("a"),), USAGE, "m", {"service_tier": "on_demand"})
    assert "service_tier" not in whole(foreign)


def test_signed_thoughts_and_calls_carry_their_signatures() -> None:
    thoughts = (Thought("Hm.", "s"), Thought(hidden="x"))
    choice = Choice("a", tool_calls=(ToolCall("c", "f", "{}", "t"),), thoughts=thoughts)
    message = whole(Completion((choice,), USAGE, "m"))["choices"][0]["message"]
    assert message["reasoning_content"] == "Hm."
    assert [each["type"] for each in message["reasoning_details"]] == [
        "reasoning.text",
        "reasoning.encrypted",
    ]
    call = message["tool_calls"][0]
    assert call["extra_content"] == {"google": {"thought_signature": "t"}}


def test_error_names_the_request() -> None:
    body = json.loads(encode_error(Unavailable("The ledger."), "req_1"))
    assert (body["error"]["code"], body["request_id"]) == ("unavailable", "req_1")


@pytest.mark.parametrize(
    "text", ['"quoted"', "line\nbreak\r\n", "\u2028\u2029", "🙂", "\x00", "</"]
)
def test_chunks_are_single_lines_whatever_the_text(text: str) -> None:
    written = ChatWriter(HEADING, asked()).piece(Piece(text))
    assert written.count(b"\n") == 2
    assert chunks(written)[0]["choices"][0]["delta"] == {"content": text}


def test_every_choice_opens_with_its_role() -> None:
    opened = chunks(ChatWriter(HEADING, asked(n=2)).opening())
    assert [chunk["choices"][0]["index"] for chunk in opened] == [0, 1]
    delta = {"role": "assistant", "content": "", "refusal": None}
    assert [chunk["choices"][0]["delta"] for chunk in opened] == [delta, delta]


def test_pieces_of_several_choices_are_told_apart() -> None:
    writer = ChatWriter(HEADING, asked(n=2))
    written = writer.piece(Piece("a")) + writer.piece(Piece("b", 1))
    told = [chunk["choices"][0] for chunk in chunks(written)]
    assert [(each["index"], each["delta"]["content"]) for each in told] == [(0, "a"), (1, "b")]


def test_calls_are_streamed_with_name_and_id_in_their_first_delta_only() -> None:
    pieces = [
        Piece(calls=(CallDelta(0, "a", "f"),)),
        Piece(calls=(CallDelta(0, arguments='{"x"'), CallDelta(1, "b", "g", "{}"))),
        Piece(calls=(CallDelta(0, arguments=":1}"),)),
    ]
    assert [delta["tool_calls"] for delta in deltas(pieces)] == [
        [
            {
                "index": 0,
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": ""},
            }
        ],
        [
            {"index": 0, "function": {"arguments": '{"x"'}},
            {
                "index": 1,
                "id": "b",
                "type": "function",
                "function": {"name": "g", "arguments": "{}"},
            },
        ],
        [{"index": 0, "function": {"arguments": ":1}"}}],
    ]


def test_streamed_call_without_arguments_has_an_empty_object_of_them() -> None:
    writer = ChatWriter(HEADING, asked())
    writer.piece(Piece(calls=(CallDelta(0, "a", "f"),)))
    completion = Completion((Choice("", "tool_calls", (ToolCall("a", "f"),)),), USAGE, "m")
    written = EventReader().push(writer.closing(completion, None))
    call, final = (json.loads(event.data)["choices"][0] for event in written[:-1])
    assert call["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": "{}"}}]
    assert final["finish_reason"] == "tool_calls"


def test_thoughts_refusals_and_probabilities_are_streamed() -> None:
    pieces = [
        Piece(thought=Thought("Hm, ")),
        Piece(thought=Thought("so.")),
        Piece(thought=Thought(signature="s")),
        Piece(refusal="No."),
        Piece("a", logprobs=LOGPROBS),
        Piece(choice_extras={"annotations": [1], "stop_reason": 7}),
    ]
    writer = ChatWriter(HEADING, asked())
    told = [
        chunk["choices"][0] for chunk in chunks(b"".join(writer.piece(piece) for piece in pieces))
    ]
    thought, more, signed, refusal, likely, extras = told
    assert thought["delta"] == {"reasoning_content": "Hm, "}
    assert more["delta"] == {"reasoning_content": "so."}
    assert signed["delta"]["reasoning_details"][0]["text"] == "Hm, so."
    assert refusal["delta"] == {"refusal": "No."}
    assert (likely["delta"], likely["logprobs"]) == ({"content": "a"}, LOGPROBS)
    assert (extras["delta"], extras["stop_reason"]) == ({"annotations": [1]}, 7)


@pytest.mark.parametrize("piece", [Piece(), Piece(finish_reason="stop", usage=USAGE, model="m")])
def test_piece_that_says_nothing_is_not_written(piece: Piece) -> None:
    assert ChatWriter(HEADING, asked()).piece(piece) == b""


def test_end_of_a_stream_gives_each_finish_reason_then_usage_then_the_mark() -> None:
    writer = ChatWriter(HEADING, asked(n=3, include_usage=True))
    events = EventReader().push(writer.closing(RICH, None))
    assert events[-1].data == b"[DONE]"
    *finals, usage = (json.loads(event.data) for event in events[:-1])
    reasons = [
        (each["choices"][0]["index"], each["choices"][0]["finish_reason"]) for each in finals
    ]
    assert reasons == [(0, "stop"), (1, "tool_calls"), (2, "stop")]
    assert [each["usage"] for each in finals] == [None] * 3
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    assert usage["system_fingerprint"] == "fp"


def test_usage_is_not_told_to_who_does_not_ask() -> None:
    writer = ChatWriter(HEADING, asked())
    written = writer.opening() + writer.piece(Piece("a")) + writer.closing(RICH, None)
    assert b'"usage"' not in written


def test_failure_in_a_stream_is_an_event_of_its_own_without_the_end_mark() -> None:
    events = EventReader().push(ChatWriter(HEADING, asked()).failure(Unavailable(), "req_1"))
    (told,) = (json.loads(event.data) for event in events)
    assert told["error"]["code"] == "unavailable"


def test_what_we_write_is_as_openai_describes_it(data_sets: Path) -> None:
    description = openai_description(data_sets)
    description.validate("CreateChatCompletionResponse", encode_completion(HEADING, RICH, None))
    writer = ChatWriter(HEADING, asked(n=2, include_usage=True))
    written = writer.opening() + b"".join(
        writer.piece(piece)
        for piece in (
            Piece("a", logprobs=LOGPROBS),
            Piece(index=1, calls=(CallDelta(0, "a", "f"),)),
            Piece(index=1, calls=(CallDelta(0, arguments="{}"),)),
            Piece(refusal="No."),
        )
    )
    for event in EventReader().push(written + writer.closing(RICH, None))[:-1]:
        description.validate("CreateChatCompletionStreamResponse", event.data)
