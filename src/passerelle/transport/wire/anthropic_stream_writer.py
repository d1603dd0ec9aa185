"""Streams of Anthropic Messages, as clients get them."""

from collections.abc import Iterable

import msgspec

from passerelle.core.values.chat import (
    CallDelta,
    ChatRequest,
    Choice,
    Completion,
    JsonObject,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.core.values.errors import Refusal
from passerelle.transport.wire.anthropic_answers import content_of
from passerelle.transport.wire.anthropic_errors import encode_error
from passerelle.transport.wire.anthropic_layout import (
    CALL,
    HIDDEN,
    LAYOUT,
    TEXT,
    THINKING,
    entries_in,
    fields_of,
)
from passerelle.transport.wire.anthropic_usage import ending_of, usage_object
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.provenance import Provenance
from passerelle.transport.wire.sse import encode_event

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode
_REFUSAL = "refusal"
_OURS = frozenset({TEXT, THINKING, HIDDEN, CALL, "image", "document"})
_STOP = encode_event(b'{"type":"message_stop"}', name="message_stop")


def _event(kind: str, fields: JsonObject) -> bytes:
    return encode_event(_encode({"type": kind, **fields}), name=kind)


class MessagesWriter:
    """Writes one answer as server-sent events: its blocks one after the other."""

    def __init__(self, heading: Heading, request: ChatRequest) -> None:  # noqa: ARG002 - as other formats' writers
        self._heading = heading
        self._index = -1
        self._open = ""
        """What the open block is: its type, and of calls which one; empty between blocks."""
        self._calls: dict[int, int] = {}
        """Index of the block of each call."""
        self._listed = 0
        """Entries of the layout that have been seen."""
        self._cited: list[JsonValue] = []
        """Citations of a text that a guard still holds back."""
        self._text_head = b""

    def opening(self) -> bytes:
        nothing = Completion((Choice(),), Usage(), self._heading.model)
        message: _Json = {
            "id": self._heading.id,
            "type": "message",
            "role": "assistant",
            "model": self._heading.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_object(nothing),
        }
        return _event("message_start", {"message": message})

    def piece(self, piece: Piece) -> bytes:
        """b"" when there is nothing to say; log-probabilities have no place here."""
        if piece.thought or piece.calls or piece.refusal or piece.choice_extras:
            return self._rich(piece)
        if not piece.text or piece.index:
            return b""
        if self._open != TEXT:
            return b"".join(self._say(TEXT, piece.text))
        return self._text_head + _encode(piece.text) + b"}}\n\n"

    def closing(self, completion: Completion, provenance: Provenance | None) -> bytes:
        """How it ended, usage and provenance, and the end mark; the content has left before."""
        beside = completion.choices[0].extras
        delta: _Json = {key: value for key, value in beside.items() if key != LAYOUT}
        fields: _Json = {
            "delta": delta | ending_of(completion),
            "usage": usage_object(completion),
        }
        data = _encode({"type": "message_delta", **fields})
        if provenance is not None:
            data = data[:-1] + b',"passerelle":' + _encode(provenance) + b"}"
        return b"".join((*self._close(), encode_event(data, name="message_delta"), _STOP))

    def failure(self, refusal: Refusal, request_id: str) -> bytes:
        """Without the end mark: the answer is not whole."""
        return encode_event(encode_error(refusal, request_id), name="error")

    def _rich(self, piece: Piece) -> bytes:
        if piece.index:  # nobody can ask for several answers here
            return b""
        entries = entries_in(piece.choice_extras)
        if entries and piece.text:
            return self._whole(piece)
        parts: list[bytes] = []
        if piece.thought is not None:
            parts += self._thought(piece.thought)
        if piece.text:
            parts += self._say(TEXT, piece.text)
        if piece.refusal:
            parts += self._say(_REFUSAL, piece.refusal)
        for call in piece.calls:
            parts += self._call(call)
        parts += self._listed_blocks(entries)
        return b"".join(parts)

    def _begin(self, what: str, block: _Json) -> list[bytes]:
        before = self._close()
        self._index += 1
        self._open = what
        if what == TEXT:
            self._text_head = (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
                + b'%d,"delta":{"type":"text_delta","text":' % self._index
            )
        start: _Json = {"index": self._index, "content_block": block}
        return [*before, _event("content_block_start", start)]

    def _close(self) -> list[bytes]:
        if not self._open:
            return []
        self._open = ""
        return [_event("content_block_stop", {"index": self._index})]

    def _delta(self, kind: str, fields: _Json, index: int | None = None) -> bytes:
        place = self._index if index is None else index
        delta: _Json = {"type": kind, **fields}
        return _event("content_block_delta", {"index": place, "delta": delta})

    def _say(self, what: str, text: str) -> list[bytes]:
        parts: list[bytes] = []
        if self._open != what:
            parts += self._begin(what, {"type": TEXT, "text": ""})
            cited, self._cited = self._cited, []
            parts += self._citations(cited)
        return [*parts, self._delta("text_delta", {"text": text})]

    def _thought(self, thought: Thought) -> list[bytes]:
        parts: list[bytes] = []
        if thought.text or thought.signature:
            if self._open != THINKING:
                parts += self._begin(THINKING, {"type": THINKING, "thinking": "", "signature": ""})
            if thought.text:
                parts.append(self._delta("thinking_delta", {"thinking": thought.text}))
            if thought.signature:
                signature: _Json = {"signature": thought.signature}
                parts += [self._delta("signature_delta", signature), *self._close()]
        if thought.hidden:
            parts += self._begin(HIDDEN, {"type": HIDDEN, "data": thought.hidden})
            parts += self._close()
        return parts

    def _call(self, delta: CallDelta) -> list[bytes]:
        parts: list[bytes] = []
        if delta.index not in self._calls:
            block: _Json = {"type": CALL, "id": delta.id, "name": delta.name, "input": {}}
            block |= {"signature": delta.signature} if delta.signature else {}
            parts += self._begin(f"{CALL} {delta.index}", block)
            self._calls[delta.index] = self._index
        if delta.arguments:
            given: _Json = {"partial_json": delta.arguments}
            parts.append(self._delta("input_json_delta", given, self._calls[delta.index]))
        return parts

    def _listed_blocks(self, entries: Iterable[_Json]) -> list[bytes]:
        """What the layout tells that was not known: ends of texts, and blocks not ours."""
        parts: list[bytes] = []
        for entry in [*entries][self._listed :]:
            self._listed += 1
            block = fields_of(entry)
            if block.get("type") not in _OURS:
                parts += [*self._begin(CALL, block), *self._close()]
            elif block.get("type") == TEXT and self._open == TEXT:
                parts += [*self._citations(_cited_in(block)), *self._close()]
            else:
                self._cited += _cited_in(block)
        return parts

    def _citations(self, cited: Iterable[JsonValue]) -> list[bytes]:
        return [self._delta("citations_delta", {"citation": citation}) for citation in cited]

    def _whole(self, piece: Piece) -> bytes:
        """An answer that had to wait for its end: its blocks in their order."""
        calls = tuple(
            ToolCall(call.id, call.name, call.arguments, call.signature) for call in piece.calls
        )
        choice = Choice(
            piece.text, tool_calls=calls, refusal=piece.refusal, extras=piece.choice_extras
        )
        parts: list[bytes] = []
        for block in content_of(choice):
            parts += self._entire(block)
        return b"".join(parts)

    def _entire(self, block: _Json) -> list[bytes]:
        match block.get("type"):
            case "text":
                said = [*self._close(), *self._say(TEXT, str(block["text"]))]
                return [*said, *self._citations(_cited_in(block)), *self._close()]
            case "tool_use":
                given: _Json = {"partial_json": _encode(block["input"]).decode()}
                start = self._begin(CALL, {**block, "input": {}})
                return [*start, self._delta("input_json_delta", given), *self._close()]
            case _:
                return [*self._begin(CALL, block), *self._close()]


def _cited_in(block: _Json) -> list[JsonValue]:
    listed = block.get("citations")
    return listed if isinstance(listed, list) else []
