"""What a provider does wrong, once through the whole gateway, in every format that we serve.

The client always reads an end in the format of its own stream, and the ledger always has one
entry of the exchange.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.adapters.canned import until
from tests.adapters.messages_gateway import MODEL, Served, over_openai
from tests.adapters.upstream import Step, chunked
from tests.adapters.wire_answers import chunk, error, events, told, usage_chunk

TEXT = "The fee is four, Zürich 東京 🙂."
SAID = [{"role": "user", "content": "Fee?"}]
BODIES: dict[str, Any] = {
    "/v1/chat/completions": {"messages": SAID},
    "/v1/responses": {"input": "Fee?"},
    "/v1/messages": {"messages": SAID, "max_tokens": 50},
}
ENDS = {
    "/v1/chat/completions": "[DONE]",
    "/v1/responses": "response.completed",
    "/v1/messages": "message_stop",
}
WHOLE = events(*told(TEXT))
HALF = TEXT.encode().index("東".encode()) + 1
"""Inside of a character."""


def broken_off(data: bytes) -> list[Step]:
    """Chunks that announce more than comes."""
    head, first, _ = chunked(data)
    return [head, first[:-1], "close"]


FAULTS: dict[str, Sequence[Step]] = {
    "garbage": chunked(b"\x00\xff<html>", b"data: {nope}\n\n"),
    "half a character": chunked(
        events(chunk("The "), done=False) + b'data: {"choices":[{"delta":{"content":"\xe6'
    ),
    "no end at all": chunked(events(chunk("The fee"), done=False)),
    "cut inside of a chunk": broken_off(WHOLE[: len(WHOLE) // 2]),
    "an error after 200": chunked(events(chunk("The "), error("It broke.", code=500))),
    "reset": [*chunked(events(chunk("The "), done=False))[:-1], 0.01, "reset"],
    "nothing": chunked(),
    "not http": [b"SMTP ready\r\n\r\n", "close"],
}
HARMLESS: dict[str, Sequence[Step]] = {
    "crlf": chunked(events(*told(TEXT), newline=b"\r\n")),
    "comments": chunked(b": here\n\n" + WHOLE.replace(b"data: [DONE]", b": bye\n\ndata: [DONE]")),
    "no done": chunked(events(*told(TEXT), done=False)),
    "byte by byte": chunked(*(WHOLE[at : at + 1] for at in range(len(WHOLE)))),
    "cut inside of a character": chunked(WHOLE[:HALF], WHOLE[HALF:]),
    "no usage": chunked(events(*told(TEXT, usage=None))),
    "an empty chunk of choices": chunked(events(usage_chunk(None), *told(TEXT))),
}


async def post(served: Served, path: str) -> tuple[int, str]:
    """A streamed answer, read to its end."""
    body = json.dumps({"model": MODEL, "stream": True, **BODIES[path]}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.running.port)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {served.kitchen.key}\r\n"
        "connection: close\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), _unchunked(rest) if b"chunked" in top.lower() else rest.decode()


def _unchunked(rest: bytes) -> str:
    parts = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        parts.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(parts).decode()


def payloads(stream: str) -> list[Any]:
    lines = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def failure_in(path: str, status: int, body: str) -> Any:
    """Of an answer that never became a stream, or of the last event of one that did."""
    last = json.loads(body) if status != 200 else payloads(body)[-1]
    if path == "/v1/messages":
        assert last["type"] == "error"
        return last["error"]
    if path == "/v1/responses" and status == 200:
        assert last["type"] in {"response.failed", "error"}
        return last.get("response", last).get("error", last)
    return last["error"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", FAULTS)
async def test_a_provider_that_fails_is_told_in_the_clients_own_format(
    path: str, name: str
) -> None:
    async with over_openai(lambda _: FAULTS[name]) as served:
        status, body = await post(served, path)
        failure = failure_in(path, status, body)
        await until(served.kitchen.entries)
        facts = served.kitchen.facts()
    assert status == 200 or status >= 500
    assert failure["message"]
    assert isinstance(failure.get("code", ""), str)
    assert ENDS[path] not in body
    assert "nope" not in body
    assert facts["code"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", HARMLESS)
async def test_what_a_stream_may_look_like_makes_no_difference(path: str, name: str) -> None:
    async with over_openai(lambda _: HARMLESS[name]) as served:
        status, body = await post(served, path)
        await until(served.kitchen.entries)
        (entry,) = served.kitchen.entries()
    assert status == 200
    assert ENDS[path] in body
    assert text_of(path, payloads(body)) == TEXT
    assert entry.event == "exchange.ended"


def text_of(path: str, told: list[Any]) -> str:
    if path == "/v1/chat/completions":
        deltas = [each["choices"][0]["delta"] for each in told if each["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)
    if path == "/v1/messages":
        deltas = [each["delta"] for each in told if each["type"] == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas)
    pieces = [each for each in told if each["type"] == "response.output_text.delta"]
    return "".join(each["delta"] for each in pieces)
