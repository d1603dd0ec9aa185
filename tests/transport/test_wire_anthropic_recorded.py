"""Anthropic Messages as recorded: every request, answer and stream goes through unharmed."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from passerelle.core.values.chat import Choice, Usage
from passerelle.transport.wire.anthropic_answers import decode_completion, decode_count
from passerelle.transport.wire.anthropic_errors import decode_error
from passerelle.transport.wire.anthropic_messages import decode_countable, decode_request
from passerelle.transport.wire.anthropic_requests import BEDROCK, encode_count, encode_request
from passerelle.transport.wire.anthropic_stream_writer import MessagesWriter
from tests.recordings import Recorded, recorded
from tests.transport.anthropic_bodies import (
    HEADING,
    assembled,
    bare,
    bare_message,
    call_of,
    events_in,
    joined,
    read,
    written,
)

_CREATE = r"//api\.anthropic\.com/v1/messages(\?|$)"
_COUNT = r"//api\.anthropic\.com/v1/messages/count_tokens"


def usage_told(raw: dict[str, Any]) -> Usage:
    read = raw.get("cache_read_input_tokens") or 0
    made = raw.get("cache_creation_input_tokens") or 0
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    return Usage(
        raw["input_tokens"] + read + made,
        raw["output_tokens"],
        cached_input_tokens=read,
        cache_write_tokens=made,
        reasoning_tokens=thought,
    )


def whole(calls: tuple[Recorded, ...]) -> list[Recorded]:
    return [call for call in calls if call.status == 200 and not call.streamed]


def test_every_whole_answer_is_read_exactly_and_written_as_it_was(data_sets: Path) -> None:
    calls = whole(recorded(data_sets, _CREATE))
    assert len(calls) > 100
    for call in calls:
        told = json.loads(call.body)
        completion = decode_completion(call.body)
        assert completion.usage == usage_told(told["usage"]), call
        assert completion.model == told["model"], call
        texts = [block["text"] for block in told["content"] if block["type"] == "text"]
        assert completion.text == "".join(texts), call
        assert bare_message(written(completion)) == bare_message(told), call


def test_every_stream_is_read_exactly_and_written_as_it_was(data_sets: Path) -> None:
    calls = [call for call in recorded(data_sets, _CREATE) if call.streamed]
    assert len(calls) >= 10
    for call in calls:
        told = assembled(events_in(call.body))
        pieces = read(call.body)
        completion = joined(pieces)
        assert completion.usage == usage_told(told["usage"]), call
        assert bare_message(written(completion)) == bare_message(told), call
        request = decode_request(call.request_body)
        writer = MessagesWriter(HEADING, request)
        stream = b"".join(
            (
                writer.opening(),
                *map(writer.piece, pieces),
                writer.closing(completion, None),
            )
        )
        assert bare_message(assembled(events_in(stream))) == bare_message(told), call
        assert [event["type"] for event in events_in(stream)][-1] == "message_stop", call


def test_streams_read_the_same_however_they_are_cut(data_sets: Path) -> None:
    for call in recorded(data_sets, _CREATE):
        if call.streamed:
            expected = read(call.body)
            for size in (1, 7, 100, 4_096):
                assert read(call.body, size) == expected, call


def turns_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Turns with their blocks; neighbours of one role are one turn, as Anthropic joins them."""
    turns: list[dict[str, Any]] = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = [bare_block(block) for block in blocks]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": message["role"], "content": blocks})
    return turns


def bare_block(block: dict[str, Any]) -> dict[str, Any]:
    kept = bare(block)
    if kept.get("is_error") is False:
        del kept["is_error"]
    content = kept.get("content")
    if kept["type"] == "tool_result":
        match content:
            case [{"type": "text", "text": text, **others}] if not others:
                kept["content"] = text
            case "":
                del kept["content"]
    return kept


def bare_request(body: dict[str, Any]) -> dict[str, Any]:
    """A request without what says nothing, in one of several ways to say the same.

    Allowed to differ: a stream that is off, a plain system prompt as a block, the id of the
    person behind the request, which stays here.
    """
    kept = bare({key: value for key, value in body.items() if key not in ("messages", "metadata")})
    if not kept.get("stream"):
        kept.pop("stream", None)
    if isinstance(kept.get("system"), str):
        kept["system"] = [{"type": "text", "text": kept["system"]}]
    if "tools" in kept:
        empty = (("strict", False), ("description", ""))
        kept["tools"] = [
            {key: value for key, value in bare(tool).items() if (key, value) not in empty}
            for tool in kept["tools"]
        ]
    return kept | {"messages": turns_of(body)}


def test_every_request_is_read_and_written_as_it_was(data_sets: Path) -> None:
    calls = recorded(data_sets, _CREATE)
    assert len(calls) > 100
    for call in calls:
        asked = json.loads(call.request_body)
        request = decode_request(call.request_body)
        sent = encode_request(call_of(request), stream=request.stream)
        assert bare_request(json.loads(sent)) == bare_request(asked), call


def test_recorded_counts_and_errors_are_read(data_sets: Path) -> None:
    seen = Counter[str]()
    for call in recorded(data_sets, _COUNT):
        request = decode_countable(call.request_body)
        asked = json.loads(call.request_body)
        assert bare_request(json.loads(encode_count(call_of(request)))) == bare_request(asked)
        if call.status == 200:
            assert decode_count(call.body) == json.loads(call.body)["input_tokens"]
            seen["count"] += 1
    for call in recorded(data_sets, r"//api\.anthropic\.com"):
        if call.status >= 400:
            told = decode_error(call.body)
            assert (told.type, told.code) == ("not_found_error", None)
            assert "model: claude" in told.message
            seen["error"] += 1
    assert seen["count"] >= 1
    assert seen["error"] >= 2


def test_recorded_bedrock_answers_and_requests_are_the_same_messages(data_sets: Path) -> None:
    calls = recorded(data_sets, r"bedrock-runtime.*anthropic.*/invoke$")
    assert calls
    for call in calls:
        told, asked = json.loads(call.body), json.loads(call.request_body)
        completion = decode_completion(call.body)
        assert completion.usage == usage_told(told["usage"]), call
        assert bare_message(written(completion)) == bare_message(told), call
        request = decode_request(json.dumps({**asked, "model": "m"}).encode())
        options = replace(request.options, extras={})
        sent = encode_request(
            replace(call_of(request), options=options), stream=False, platform=BEDROCK
        )
        assert bare_request(json.loads(sent)) == bare_request(asked), call


def test_a_choice_from_a_stream_is_the_choice_of_the_whole(data_sets: Path) -> None:
    """Streams and whole answers must not differ in what the record keeps."""
    for call in recorded(data_sets, _CREATE):
        if call.streamed:
            told = assembled(events_in(call.body))
            entire: Choice = decode_completion(json.dumps(told).encode()).choices[0]
            streamed = joined(read(call.body)).choices[0]
            assert compact(streamed) == compact(entire), call


def compact(choice: Choice) -> Choice:
    """Streams carry the model's own spaces in arguments."""
    calls = tuple(
        replace(call, arguments=json.dumps(json.loads(call.arguments)))
        for call in choice.tool_calls
    )
    return replace(choice, tool_calls=calls)
