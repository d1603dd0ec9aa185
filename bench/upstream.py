"""A provider that answers at once: the same recorded answer for every chat request.

Run as its own process, so that its cost is not counted as the gateway's:
`python -m bench.upstream --port 18900 --answer-file answer.txt`.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any, cast

STREAM_PIECES = 50


def json_response(answer: str) -> bytes:
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
            "usage": {"prompt_tokens": 600, "completion_tokens": 60, "total_tokens": 660},
        }
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream_response(answer: str) -> list[bytes]:
    """Head, then one HTTP chunk per piece; usage stands in the last event before [DONE]."""
    words = answer.split(" ")
    size = max(1, -(-len(words) // STREAM_PIECES))
    texts = [" ".join(words[i : i + size]) + " " for i in range(0, len(words), size)]
    frame: dict[str, Any] = {
        "id": "chatcmpl-replay",
        "object": "chat.completion.chunk",
        "model": "replay-1",
    }
    events = [
        frame | {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        for text in texts
    ]
    events.append(frame | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append(
        frame
        | {
            "choices": [],
            "usage": {"prompt_tokens": 600, "completion_tokens": 60, "total_tokens": 660},
        }
    )
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    lines.append(b"data: [DONE]\n\n")
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return [head, *(b"%x\r\n%s\r\n" % (len(line), line) for line in lines), b"0\r\n\r\n"]


class Upstream(asyncio.Protocol):
    """Reads requests by content-length alone: the gateway sends nothing else."""

    def __init__(self, whole: bytes, stream: bytes) -> None:
        self._whole = whole
        self._stream = stream
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            streams = b'"stream":true' in body or b'"stream": true' in body
            self._transport.write(self._stream if streams else self._whole)


async def serve(port: int, answer: str) -> None:
    whole, stream = json_response(answer), b"".join(stream_response(answer))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(whole, stream), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer-file", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.answer_file.read_text(encoding="utf-8").strip()))
