"""What servers of OpenAI's style put on the wire."""

import json
from collections.abc import Sequence
from typing import Any

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 6,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def completion(
    text: str | None, *, usage: object = USAGE, finish: str | None = "stop", **message: object
) -> bytes:
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "replay-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
            }
        ],
    }
    if usage is not None:
        body["usage"] = usage
    return json.dumps(body, ensure_ascii=False).encode()


def chunk(
    text: str | None = None, *, finish: str | None = None, usage: object = None, **delta: object
) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    if text is not None:
        choice["delta"]["content"] = text
    return _chunk([choice], usage)


def usage_chunk(usage: object = USAGE) -> bytes:
    return _chunk([], usage)


def _chunk(choices: Sequence[object], usage: object) -> bytes:
    body = {"id": "chatcmpl-1", "model": "replay-1", "choices": choices, "usage": usage}
    return json.dumps(body, ensure_ascii=False).encode()


def events(*chunks: bytes, newline: bytes = b"\n", done: bool = True) -> bytes:
    ends = newline * 2
    whole = b"".join(b"data: " + each + ends for each in chunks)
    return whole + (b"data: [DONE]" + ends if done else b"")


def told(text: str, *, size: int = 5, usage: object = USAGE) -> tuple[bytes, ...]:
    """A whole streamed answer: role, text in pieces, finish reason, usage."""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    last = (usage_chunk(usage),) if usage is not None else ()
    return (chunk("", role="assistant"), *map(chunk, pieces), chunk(finish="stop"), *last)


def error(message: str, **fields: object) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()
