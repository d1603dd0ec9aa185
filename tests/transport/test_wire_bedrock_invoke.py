"""Claude on Bedrock by InvokeModel: Anthropic's format within AWS's frames."""

from pathlib import Path
from typing import Any

import pytest

from passerelle.core.values.chat import Options, Piece
from passerelle.transport.wire import bedrock_invoke
from passerelle.transport.wire.aws_errors import AwsError
from passerelle.transport.wire.bedrock_answers import NotAnAnswer
from passerelle.transport.wire.bedrock_invoke import InvokeReader
from passerelle.transport.wire.bedrock_streams import CutOff, ErrorTold
from tests.adapters.bedrock_calls import model_call
from tests.adapters.bedrock_frames import ANTHROPICS, chunk, frame, gathered
from tests.recordings import recorded

CLAUDE = model_call(
    model="eu.anthropic.claude-haiku-4-5-20251001-v1:0", options=Options(dialect="messages")
)


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
