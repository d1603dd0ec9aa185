"""What a client of Anthropic makes of bodies and streams, written anew after its documentation."""

import json
from typing import Any

from passerelle.core.values.chat import ChatRequest, Completion, Message, Piece
from passerelle.domain.routing.providers import ModelCall
from passerelle.stories.serve.lanes import StreamedChoice
from passerelle.transport.wire.anthropic_answers import encode_completion
from passerelle.transport.wire.anthropic_streams import ClaudeReader
from passerelle.transport.wire.headings import Heading

Body = dict[str, Any]
HEADING = Heading("exc_1", 1_700_000_000, "claude")


ASKED = ModelCall("claude", (Message("user", "?"),), "", (), 0, 0.0, "", 5.0)


def call_of(request: ChatRequest) -> ModelCall:
    return ModelCall(
        request.model, request.messages, "", (), 0, 0.0, "", 5.0, options=request.options
    )


def written(message: Completion) -> Body:
    answer: Body = json.loads(encode_completion(HEADING, message, None))
    return answer


def read(body: bytes, size: int = 1_000_000) -> list[Piece]:
    """All pieces of a stream that comes in parts of that size."""
    reader = ClaudeReader(ASKED)
    pieces: list[Piece] = []
    for start in range(0, len(body), size):
        pieces += reader.push(body[start : start + size])
    return [*pieces, *reader.finish()]


def joined(pieces: list[Piece]) -> Completion:
    """As the serving story puts them together where no guard holds anything back."""
    choice = StreamedChoice(0, (), unscanned_blocks=False)
    for piece in pieces:
        choice.push(piece)
    choice.finish()
    last = pieces[-1]
    assert last.usage is not None
    return Completion((choice.screened().choice,), last.usage, last.model, last.extras)


def events_in(body: bytes) -> list[Body]:
    lines = body.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def sse(*events: Body) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def assembled(events: list[Body]) -> Body:
    """The message that a client puts together from a stream."""
    message: Body = {}
    blocks: dict[int, Body] = {}
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = dict(event["message"])
            case "content_block_start":
                assert event["index"] == len(blocks)
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                _grow(blocks[event["index"]], event["delta"], inputs, event["index"])
            case "message_delta":
                usage = {key: value for key, value in event["usage"].items() if value is not None}
                message |= event["delta"]
                message["usage"] = message["usage"] | usage
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text)
    return message | {"content": [blocks[index] for index in sorted(blocks)]}


def _grow(block: Body, delta: Body, inputs: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        case "input_json_delta" if delta["partial_json"]:
            inputs[index] = inputs.get(index, "") + delta["partial_json"]


def bare(block: Body) -> Body:
    """Without fields that say nothing."""
    return {
        key: value
        for key, value in block.items()
        if value is not None and value not in ([], {"type": "direct"})
    }


def bare_content(content: list[Body]) -> list[Body]:
    """Blocks without what says nothing; texts that stand side by side are one."""
    blocks: list[Body] = []
    for block in map(bare, content):
        before = blocks[-1] if blocks else {}
        if block.keys() == before.keys() == {"type", "text"}:
            before["text"] += block["text"]
        elif block != {"type": "text", "text": ""}:
            blocks.append(block)
    return blocks


def bare_message(message: Body) -> Body:
    """An answer without its name, and without what says nothing."""
    usage = {key: value for key, value in message["usage"].items() if value}
    if usage.get("output_tokens_details") == {"thinking_tokens": 0}:
        del usage["output_tokens_details"]
    kept = {key: message[key] for key in message if key not in ("id", "model", "content", "usage")}
    return bare(kept) | {"content": bare_content(message["content"]), "usage": usage}
