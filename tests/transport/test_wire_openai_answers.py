"""Answers of Chat Completions, out; reading them is tried with the provider."""

import json
from typing import Any

import pytest

from passerelle.core.values.chat import Completion, Usage
from passerelle.transport.wire.openai_answers import (
    ChunkWriter,
    Heading,
    NotACompletion,
    decode_completion,
    decode_delta,
    encode_completion,
)
from passerelle.transport.wire.sse import EventReader

HEADING = Heading("exc_1", 1_700_000_000, "handbook")
CALLS: list[Any] = [
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
]


def completion(text: str = "Hello.", **extras: Any) -> Completion:
    return Completion(text, "stop", Usage(3, 2), "m", extras)


def chunks(written: bytes) -> list[dict[str, Any]]:
    events = EventReader().push(written)
    assert events[-1].data == b"[DONE]"
    return [json.loads(event.data) for event in events[:-1]]


def test_answer_that_we_write_is_one_that_we_can_read() -> None:
    got, told = decode_completion(encode_completion(HEADING, completion(), None))
    assert told
    assert (got.text, got.finish_reason, got.usage, got.extras) == (
        "Hello.",
        "stop",
        Usage(3, 2),
        {},
    )


def test_answer_of_tool_calls_has_null_content_and_logprobs_stand_beside_the_message() -> None:
    body = encode_completion(
        HEADING, completion("", tool_calls=CALLS, logprobs={"content": []}), None
    )
    choice = json.loads(body)["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": CALLS,
    }
    assert choice["logprobs"] == {"content": []}


@pytest.mark.parametrize(
    "text", ['"quoted"', "line\nbreak\r\n", "\u2028\u2029", "🙂", "\x00", "</"]
)
def test_chunks_are_single_lines_whatever_the_text(text: str) -> None:
    writer = ChunkWriter(HEADING, include_usage=False)
    written = writer.text(text)
    assert written.count(b"\n") == 2
    assert decode_delta(written[6:].strip()).text == text


def test_closing_chunks_carry_indexed_tool_calls_then_usage_then_the_end() -> None:
    writer = ChunkWriter(HEADING, include_usage=True)
    final, usage = chunks(writer.closing(completion("", tool_calls=CALLS), None))
    assert final["choices"][0]["finish_reason"] == "stop"
    assert [call["index"] for call in final["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert final["usage"] is None
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"1", b'{"choices":null}', b"\xff"])
def test_bytes_that_are_no_answer_are_told_apart(data: bytes) -> None:
    with pytest.raises(NotACompletion):
        decode_completion(data)
    with pytest.raises(NotACompletion):
        decode_delta(data)
