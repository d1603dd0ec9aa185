"""What the upstream answers: one recorded answer, whole and as a stream of pieces."""

import json
from typing import Any

PIECES = 50
_USAGE = {"prompt_tokens": 600, "completion_tokens": 60, "total_tokens": 660}


def whole(answer: str) -> bytes:
    """A whole answer, head and all."""
    body = json.dumps(
        {
            "id": "chatcmpl-replay",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "replay-1",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": answer},
                    "finish_reason": "stop",
                }
            ],
            "usage": _USAGE,
        }
    ).encode()
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def streamed(answer: str) -> list[bytes]:
    """The head with the first event, then an HTTP chunk for each further one: `PIECES` of text."""
    size = max(1, -(-len(answer) // PIECES))
    texts = [answer[at : at + size] for at in range(0, len(answer), size)]
    frame: dict[str, Any] = {
        "id": "chatcmpl-replay",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "replay-1",
    }

    def event(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        return frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": text}) for text in texts]
    events += [event({}, "stop"), frame | {"choices": [], "usage": _USAGE}]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    lines.append(b"data: [DONE]\n\n")
    chunks = [b"%x\r\n%s\r\n" % (len(line), line) for line in lines]
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return [head + chunks[0], *chunks[1:-1], chunks[-1] + b"0\r\n\r\n"]
