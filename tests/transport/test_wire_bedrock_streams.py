"""Streams of ConverseStream, against botocore and recorded ones."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.values.chat import Thought, ToolCall, Usage
from passerelle.transport.wire.aws_errors import AwsError
from passerelle.transport.wire.aws_event_stream import BrokenStream, EventMessage, encode_message
from passerelle.transport.wire.bedrock_answers import NotAnAnswer
from passerelle.transport.wire.bedrock_streams import ConverseReader, CutOff, ErrorTold
from tests.adapters.bedrock_calls import CONVERSED
from tests.adapters.bedrock_frames import (
    CALL,
    OPENING,
    STREAMED,
    USED,
    delta,
    end,
    expect_usage,
    frame,
    gathered,
    pieces,
    start,
    stop,
)
from tests.recordings import Recorded, recorded


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
        expect_usage(completion.usage, events[-1][1]["usage"])


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
