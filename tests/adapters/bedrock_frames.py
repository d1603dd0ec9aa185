"""Answers of Bedrock's models in AWS's frames, and what they add up to."""

import base64
import json
from typing import Any

from passerelle.adapters.providers.pieces import Gathering
from passerelle.core.values.chat import Completion, Piece, Usage
from passerelle.transport.wire.aws_event_stream import EventMessage, encode_message
from passerelle.transport.wire.bedrock_streams import ConverseReader
from tests.adapters.bedrock_calls import model_call

CALL = model_call()
STREAMED = "application/vnd.amazon.eventstream"


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


def gathered(told: list[Piece]) -> Completion:
    gathering = Gathering()
    completions = [gathering.add(piece) for piece in told]
    assert completions[:-1] == [None] * (len(told) - 1)
    assert completions[-1] is not None
    return completions[-1]


def expect_usage(usage: Usage, told: dict[str, int]) -> None:
    """Bedrock's total holds what the cache read and wrote, its input does not."""
    assert not usage.estimated
    assert usage.input_tokens + usage.output_tokens == told["totalTokens"]
    assert usage.output_tokens == told["outputTokens"]
    assert usage.cached_input_tokens == told.get("cacheReadInputTokens", 0)
    assert usage.cache_write_tokens == told.get("cacheWriteInputTokens", 0)


def pieces(*chunks: bytes) -> list[Piece]:
    reader = ConverseReader(CALL)
    told = [piece for chunk in chunks for piece in reader.push(chunk)]
    return [*told, *reader.finish()]


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
