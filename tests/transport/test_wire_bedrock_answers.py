"""Answers and streams of Bedrock, against botocore and recorded ones."""

import base64
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.adapters.providers.pieces import Gathering, pieces_of
from passerelle.core.values.chat import (
    Completion,
    FinishReason,
    Options,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.transport.wire import bedrock_invoke
from passerelle.transport.wire.aws_errors import AwsError, told_in_answer
from passerelle.transport.wire.aws_event_stream import BrokenStream, EventMessage, encode_message
from passerelle.transport.wire.bedrock_answers import NotAnAnswer, decode_completion
from passerelle.transport.wire.bedrock_invoke import InvokeReader
from passerelle.transport.wire.bedrock_streams import ConverseReader, CutOff, ErrorTold
from tests.adapters.bedrock_calls import CONVERSED, model_call, recorded_call
from tests.recordings import Recorded, recorded

CALL = model_call()
STREAMED = "application/vnd.amazon.eventstream"


def answer(*blocks: dict[str, Any], reason: str = "end_turn", **fields: Any) -> Completion:
    body = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 1},
    }
    return decode_completion(json.dumps(body | fields).encode(), CALL)


def frame(kind: str, payload: dict[str, Any], message_type: str = "event") -> bytes:
    headers = {
        ":event-type" if message_type == "event" else ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": message_type,
    }
    return encode_message(EventMessage(headers, json.dumps({"p": "abc", **payload}).encode()))


def start(index: int, **block: Any) -> bytes:
    return frame("contentBlockStart", {"contentBlockIndex": index, "start": block})


def delta(index: int, **given: Any) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": given})


def stop(index: int) -> bytes:
    return frame("contentBlockStop", {"contentBlockIndex": index})


def end(reason: str = "end_turn", **fields: Any) -> bytes:
    return frame("messageStop", {"stopReason": reason, **fields})


OPENING = frame("messageStart", {"role": "assistant"})
USED = frame(
    "metadata",
    {
        "usage": {
            "inputTokens": 3,
            "outputTokens": 7,
            "totalTokens": 40,
            "cacheReadInputTokens": 20,
            "cacheWriteInputTokens": 10,
        },
        "metrics": {"latencyMs": 5},
    },
)


def pieces(*chunks: bytes) -> list[Piece]:
    reader = ConverseReader(CALL)
    told = [piece for chunk in chunks for piece in reader.push(chunk)]
    return [*told, *reader.finish()]


def gathered(told: list[Piece]) -> Completion:
    gathering = Gathering()
    completions = [gathering.add(piece) for piece in told]
    assert completions[:-1] == [None] * (len(told) - 1)
    assert completions[-1] is not None
    return completions[-1]


def test_every_recorded_answer_is_read_with_its_exact_usage(data_sets: Path) -> None:
    calls = [call for call in recorded(data_sets, CONVERSED) if call.body[:1] == b"{"]
    assert len(calls) >= 30
    for call in calls:
        raw = json.loads(call.body)
        completion = decode_completion(call.body, recorded_call(call))
        choice = completion.choices[0]
        blocks = raw["output"]["message"]["content"]
        assert choice.text == "".join(block.get("text", "") for block in blocks), str(call)
        uses = [block["toolUse"] for block in blocks if "toolUse" in block]
        assert [(made.id, made.name, json.loads(made.arguments)) for made in choice.tool_calls] == [
            (use["toolUseId"], use["name"], use["input"]) for use in uses
        ]
        reasoned = [
            block["reasoningContent"]["reasoningText"]
            for block in blocks
            if "reasoningContent" in block
        ]
        assert [(each.text, each.signature) for each in choice.thoughts] == [
            (each["text"], each.get("signature", "")) for each in reasoned
        ]
        _expect_usage(completion.usage, raw["usage"])


def _expect_usage(usage: Usage, told: dict[str, int]) -> None:
    """Bedrock's total holds what the cache read and wrote, its input does not."""
    assert not usage.estimated
    assert usage.input_tokens + usage.output_tokens == told["totalTokens"]
    assert usage.output_tokens == told["outputTokens"]
    assert usage.cached_input_tokens == told.get("cacheReadInputTokens", 0)
    assert usage.cache_write_tokens == told.get("cacheWriteInputTokens", 0)


def recorded_streams(data_sets: Path) -> list[tuple[Recorded, list[tuple[str, dict[str, Any]]]]]:
    """Each with its events as botocore reads them."""
    streams = []
    for call in recorded(data_sets, CONVERSED):
        if call.headers["content-type"] == STREAMED:
            buffer = EventStreamBuffer()
            buffer.add_data(call.body)
            events = [(each.headers[":event-type"], json.loads(each.payload)) for each in buffer]
            streams.append((call, events))
    return streams


def test_every_recorded_stream_is_read_as_botocore_reads_it(data_sets: Path) -> None:
    streams = recorded_streams(data_sets)
    assert len(streams) >= 6
    for call, events in streams:
        completion = gathered(pieces(call.body))
        choice = completion.choices[0]
        deltas = [event["delta"] for kind, event in events if kind == "contentBlockDelta"]
        assert choice.text == "".join(each.get("text", "") for each in deltas), str(call)
        reasoning = [each.get("reasoningContent", {}) for each in deltas]
        told = "".join(each.get("text", "") for each in reasoning)
        assert "".join(thought.text for thought in choice.thoughts) == told
        hidden = [each["redactedContent"] for each in reasoning if "redactedContent" in each]
        assert [each.hidden for each in choice.thoughts if each.hidden] == hidden
        starts = [event["start"] for kind, event in events if kind == "contentBlockStart"]
        asked = [
            each["toolUse"]["toolUseId"]
            for each in starts
            if "toolUse" in each and each["toolUse"].get("type") != "server_tool_use"
        ]
        assert [each.id for each in choice.tool_calls] == asked
        _expect_usage(completion.usage, events[-1][1]["usage"])


def test_what_tools_of_aws_did_is_kept_beside_the_answer(data_sets: Path) -> None:
    [(call, _)] = [each for each in recorded_streams(data_sets) if "code_execution" in each[0].file]
    choice = gathered(pieces(call.body)).choices[0]
    kept: Any = choice.extras["bedrock_content"]
    used, result = kept
    assert used["toolUse"]["name"] == "nova_code_interpreter"
    assert "7006652" in json.dumps(result)
    assert [call.name for call in choice.tool_calls] == ["final_result"]


WHOLE = b"".join(
    (
        OPENING,
        delta(0, text=""),
        stop(0),
        delta(1, reasoningContent={"text": "Let me "}),
        delta(1, reasoningContent={"text": "see"}),
        delta(1, reasoningContent={"signature": "c2ln"}),
        stop(1),
        delta(2, text="It is "),
        delta(2, text="東京"),
        delta(2, citation={"title": "Atlas"}),
        stop(2),
        start(3, toolUse={"toolUseId": "a", "name": "f"}),
        delta(3, toolUse={"input": '{"x"'}),
        delta(3, toolUse={"input": ":1}"}),
        stop(3),
        start(4, toolUse={"toolUseId": "b", "name": "g"}),
        delta(4, toolUse={"input": ""}),
        stop(4),
        end("tool_use", additionalModelResponseFields={"seen": 1}),
        USED,
    )
)


def test_a_stream_becomes_pieces_that_add_up_to_the_answer() -> None:
    completion = gathered(pieces(WHOLE))
    choice = completion.choices[0]
    assert choice.text == "It is 東京"
    assert choice.thoughts == (Thought("Let me see", "c2ln"),)
    assert choice.tool_calls == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))
    assert choice.finish_reason == "tool_calls"
    assert choice.extras == {"citations": [{"title": "Atlas"}]}
    assert completion.usage == Usage(33, 7, cached_input_tokens=20, cache_write_tokens=10)
    assert completion.model == CALL.model
    assert completion.extras == {"additionalModelResponseFields": {"seen": 1}}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_cutting_a_stream_makes_no_difference(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WHOLE)]
    assert pieces(*(WHOLE[a:b] for a, b in pairwise(places))) == pieces(WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_a_flipped_bit_never_passes_for_an_answer(place: int) -> None:
    broken = bytearray(WHOLE)
    broken[place // 8] ^= 1 << place % 8
    with pytest.raises(BrokenStream):
        pieces(bytes(broken))


def test_a_stream_counts_as_ended_with_its_usage_only() -> None:
    reader = ConverseReader(CALL)
    reader.push(OPENING + delta(0, text="Hi") + stop(0) + end())
    assert not reader.ended
    reader.push(USED)
    assert reader.ended


def test_a_stream_without_its_end_is_cut_off() -> None:
    with pytest.raises(CutOff):
        pieces(OPENING + delta(0, text="Half an"))


def test_usage_is_estimated_where_a_stream_ends_without_it() -> None:
    last = pieces(OPENING, delta(0, text="x" * 40), stop(0), end())[-1]
    assert last.usage is not None
    assert last.usage.estimated
    assert last.usage.output_tokens == 10


def test_usage_is_estimated_where_an_answer_has_none() -> None:
    usage = answer({"text": "x" * 40}, usage=None).usage
    assert usage.estimated
    assert usage.output_tokens == 10


def test_the_order_of_mixed_blocks_is_told_alike_by_answers_and_streams() -> None:
    call = {"toolUseId": "a", "name": "f"}
    whole = answer({"text": "One"}, {"toolUse": {**call, "input": {}}}, {"text": "Three"})
    layout = [
        {"index": 0, "type": "text", "characters": 3},
        {"index": 1, "type": "tool_use"},
        {"index": 2, "type": "text", "characters": 5},
    ]
    assert whole.choices[0].extras == {"content_blocks": layout}
    streamed = gathered(
        pieces(
            OPENING,
            delta(0, text="One"),
            stop(0),
            start(1, toolUse=call),
            stop(1),
            delta(2, text="Three"),
            stop(2),
            end(),
            USED,
        )
    )
    assert streamed.choices == whole.choices


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_each_reason_to_stop_has_a_word_of_ours(told: str, reason: FinishReason) -> None:
    whole = answer({"text": "Hi"}, reason=told)
    assert whole.finish_reason == reason
    assert whole.choices[0].extras == {}
    assert pieces(OPENING, delta(0, text="Hi"), stop(0), end(told))[-1].finish_reason == reason


@pytest.mark.parametrize("told", ["malformed_model_output", "malformed_tool_use", "new_reason"])
def test_a_reason_that_has_no_word_of_ours_is_told_beside_it(told: str) -> None:
    choice = answer({"text": "{"}, reason=told).choices[0]
    assert (choice.finish_reason, choice.extras) == ("stop", {"stop_reason": told})


def test_a_turn_that_ends_with_a_call_counts_as_a_call() -> None:
    call = {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": [1]}}}
    whole = answer(call, reason="end_turn")
    assert whole.finish_reason == "tool_calls"
    assert whole.choices[0].tool_calls == (ToolCall("a", "f", '{"x":[1]}'),)


def test_texts_with_citations_are_texts_and_their_citations_stay() -> None:
    cited = {
        "citationsContent": {"content": [{"text": "So it is."}], "citations": [{"title": "Law"}]}
    }
    choice = answer({"text": "Well. "}, cited).choices[0]
    assert choice.text == "Well. So it is."
    assert choice.extras == {"citations": [{"title": "Law"}]}


def test_hidden_thoughts_stay_as_they_are() -> None:
    choice = answer({"reasoningContent": {"redactedContent": "aGk="}}, {"text": "Hi"}).choices[0]
    assert choice.thoughts == (Thought(hidden="aGk="),)


def test_fields_that_nobody_interprets_stay_with_the_answer() -> None:
    trace = {"promptRouter": {"invokedModelId": "arn:aws:bedrock:model"}}
    whole = answer({"text": "Hi"}, serviceTier={"type": "flex"}, trace=trace)
    assert whole.extras == {"trace": trace, "service_tier": "flex"}
    assert whole.model == "arn:aws:bedrock:model"
    assert answer({"text": "Hi"}).model == CALL.model


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"<html>",
        b"\xff",
        b"[" * 9_000,
        b'{"output":{"message":{"content":1}}}',
    ],
)
def test_anything_else_is_not_an_answer(body: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        decode_completion(body, CALL)


@pytest.mark.parametrize(
    "frames",
    [
        encode_message(EventMessage({":message-type": "event", ":event-type": "messageStop"})),
        encode_message(EventMessage({})),
        delta(0, text=5),
    ],
)
def test_events_that_cannot_be_read_are_not_an_answer(frames: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        pieces(frames)


def test_events_that_are_new_to_us_change_nothing() -> None:
    new = frame("somethingNew", {"x": 1})
    told = pieces(OPENING, new, delta(0, text="Hi"), stop(0), end(), USED)
    assert gathered(told).text == "Hi"


def test_an_exception_within_a_stream_is_told_by_its_name() -> None:
    broken = frame("throttlingException", {"message": "Too many"}, "exception")
    with pytest.raises(ErrorTold) as caught:
        pieces(OPENING, delta(0, text="Hi"), broken)
    assert caught.value.told == AwsError("throttlingException", "Too many")


def test_an_error_of_the_frames_is_told_by_its_code() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Oh"}
    with pytest.raises(ErrorTold) as caught:
        pieces(encode_message(EventMessage(dict(headers))))
    assert caught.value.told == AwsError("InternalFailure", "Oh")


def test_a_failed_models_own_status_is_told() -> None:
    payload = {"originalStatusCode": 503, "originalMessage": "Busy"}
    with pytest.raises(ErrorTold) as caught:
        pieces(frame("modelStreamErrorException", payload, "exception"))
    assert caught.value.told == AwsError("modelStreamErrorException", "Busy", 503)


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        (
            {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/"},
            b'{"message":"Bad"}',
            AwsError("ValidationException", "Bad"),
        ),
        (
            {},
            b'{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"No"}',
            AwsError("AccessDeniedException", "No"),
        ),
        ({}, b"<html>", AwsError()),
        ({}, b'{"message":5}', AwsError()),
    ],
)
def test_errors_are_read_from_header_and_body(
    headers: dict[str, str], body: bytes, told: AwsError
) -> None:
    assert told_in_answer(headers, body) == told


CLAUDE = model_call(
    model="eu.anthropic.claude-haiku-4-5-20251001-v1:0", options=Options(dialect="messages")
)


def chunk(event: dict[str, Any]) -> bytes:
    return frame("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})


EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 3}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 5},
    },
    {"type": "message_stop"},
]
ANTHROPICS = b"".join([chunk(event) for event in EVENTS])


def invoked(*chunks: bytes) -> list[Piece]:
    reader = InvokeReader(CLAUDE)
    told = [piece for each in chunks for piece in reader.push(each)]
    return [*told, *reader.finish()]


def test_anthropics_events_are_read_within_awss_frames() -> None:
    completion = gathered(invoked(*(bytes([byte]) for byte in ANTHROPICS)))
    assert completion.text == "Hi"
    assert completion.model == "claude-haiku-4-5"
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (3, 5)


def test_anthropics_stream_must_come_to_its_end() -> None:
    with pytest.raises(CutOff):
        invoked(ANTHROPICS[:-1])


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (
            frame("modelTimeoutException", {"message": "Slow"}, "exception"),
            AwsError("modelTimeoutException", "Slow"),
        ),
        (
            chunk({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}),
            AwsError("overloaded_error", "Busy", 529),
        ),
    ],
)
def test_errors_of_both_layers_are_told(frames: bytes, told: AwsError) -> None:
    with pytest.raises(ErrorTold) as caught:
        invoked(frames)
    assert caught.value.told == told


@pytest.mark.parametrize("payload", [{"bytes": "!"}, {"bytes": "bnVsbA=="}, {"other": 1}])
def test_chunks_that_hold_something_else_are_not_an_answer(payload: dict[str, Any]) -> None:
    with pytest.raises(NotAnAnswer):
        invoked(frame("chunk", payload))


def test_recorded_answers_of_claude_by_invoke_have_their_exact_usage(data_sets: Path) -> None:
    calls = recorded(data_sets, r"bedrock-runtime.*anthropic.*/invoke$")
    assert len(calls) == 2
    for call in calls:
        completion = bedrock_invoke.decode_completion(call.body, CLAUDE)
        counted = {
            name: int(call.headers[f"x-amzn-bedrock-{name}-token-count"])
            for name in ("input", "output", "cache-read-input", "cache-write-input")
        }
        usage = completion.usage
        assert usage.input_tokens == sum(counted.values()) - counted["output"]
        assert usage.output_tokens == counted["output"]
        assert usage.cached_input_tokens == counted["cache-read-input"]
        assert usage.cache_write_tokens == counted["cache-write-input"]


def test_whole_answers_and_their_pieces_are_the_same() -> None:
    whole = answer({"text": "Hi"}, {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}})
    assert gathered(list(pieces_of(whole))) == whole
