"""Answers of Converse, against recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.pieces import pieces_of
from passerelle.core.values.chat import Completion, FinishReason, Thought, ToolCall
from passerelle.transport.wire.bedrock_answers import NotAnAnswer, decode_completion
from tests.adapters.bedrock_calls import CONVERSED, recorded_call
from tests.adapters.bedrock_frames import (
    CALL,
    OPENING,
    USED,
    delta,
    end,
    expect_usage,
    gathered,
    pieces,
    start,
    stop,
)
from tests.recordings import recorded


def answer(*blocks: dict[str, Any], reason: str = "end_turn", **fields: Any) -> Completion:
    body = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 1},
    }
    return decode_completion(json.dumps(body | fields).encode(), CALL)


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
        expect_usage(completion.usage, raw["usage"])


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


def test_whole_answers_and_their_pieces_are_the_same() -> None:
    whole = answer({"text": "Hi"}, {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}})
    assert gathered(list(pieces_of(whole))) == whole
