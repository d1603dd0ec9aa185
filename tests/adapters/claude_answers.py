"""What a client asks for, and what Anthropic puts on the wire."""

import json
from typing import Any

from tests.adapters.messages_gateway import MODEL
from tests.adapters.upstream import Step, chunked

ASK: Any = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Fee?"}]}
TEXT = "The fee is 4 percent. Zürich, 東京, 🙂."
USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 30,
    "output_tokens": 7,
}
TOOL: Any = {
    "name": "fee_of",
    "description": "Looks a fee up.",
    "input_schema": {"type": "object", "properties": {"country": {"type": "string"}}},
}


def message(*content: Any, stop_reason: str = "end_turn", **fields: Any) -> bytes:
    body = {
        "id": "msg_upstream",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content) or [{"type": "text", "text": TEXT}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
    }
    return json.dumps(body | fields).encode()


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(index: int, content: Any, *deltas: Any) -> list[bytes]:
    return [
        event("content_block_start", index=index, content_block=content),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def streamed(*blocks: list[bytes], stop_reason: str = "end_turn") -> list[bytes]:
    opened = {"id": "m", "model": "claude-sonnet-4-5", "content": [], "usage": USAGE}
    return chunked(
        event("message_start", message=opened),
        event("ping"),
        *(each for parts in blocks for each in parts),
        event("message_delta", delta={"stop_reason": stop_reason}, usage={"output_tokens": 9}),
        event("message_stop"),
    )


def text_block(index: int, *texts: str) -> list[bytes]:
    deltas = ({"type": "text_delta", "text": text} for text in texts)
    return block(index, {"type": "text", "text": ""}, *deltas)


def call_block(index: int, name: str, *arguments: str) -> list[bytes]:
    deltas = ({"type": "input_json_delta", "partial_json": part} for part in arguments)
    content = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
    return block(index, content, *deltas)


def always(*steps: Step) -> Any:
    return lambda _: steps
