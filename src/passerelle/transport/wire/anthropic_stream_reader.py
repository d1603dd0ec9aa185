"""Events of a stream of Anthropic Messages, as an upstream sends them, in whatever frames."""

from dataclasses import dataclass, field
from typing import cast

import msgspec

from passerelle.core.values.chat import CallDelta, JsonValue, Piece, Thought
from passerelle.transport.wire.anthropic_answers import NotAMessage
from passerelle.transport.wire.anthropic_blocks import arguments_of
from passerelle.transport.wire.anthropic_errors import decode_error
from passerelle.transport.wire.anthropic_layout import (
    CALL,
    HIDDEN,
    TEXT,
    THINKING,
    Layout,
    others_of,
)
from passerelle.transport.wire.anthropic_usage import extras_of, finish_of, usage_of
from passerelle.transport.wire.errors import ErrorBody

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode


class StreamCutOff(Exception):
    """The stream ended before it said that it is whole."""


class StreamBrokeOff(Exception):
    """The upstream told of an error after it had begun to answer."""

    def __init__(self, told: ErrorBody) -> None:
        super().__init__(told.type)
        self.told = told


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    citation: dict[str, object] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, object] | None = None
    container: dict[str, object] | None = None


class _Message(msgspec.Struct):
    model: str = ""
    usage: dict[str, object] | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    delta: _Delta | None = None
    content_block: dict[str, object] | None = None
    message: _Message | None = None
    usage: dict[str, object] | None = None


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(slots=True)
class _Block:
    """A content block while it comes."""

    raw: _Json
    kind: str
    call: int = 0
    """Place among the calls."""
    characters: int = 0
    json: list[str] = field(default_factory=list)
    citations: list[JsonValue] = field(default_factory=list)


class MessagesReader:
    """Events in, pieces out."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._layout = Layout()
        self._model = ""
        self._usage: _Json = {}
        self._ending: _Json = {}
        self.written = 0
        """Bytes of what the model wrote, for a count of our own where the upstream told none."""
        self.ended = False

    def take(self, data: bytes) -> list[Piece]:
        """The data of one event. Raises `NotAMessage` and `StreamBrokeOff`."""
        try:
            event = _decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
            raise NotAMessage from fault
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._grow(event.index, event.delta)
            case "content_block_start":
                return self._start(event.index, cast("_Json", event.content_block or {}))
            case "content_block_stop":
                return self._stop(event.index)
            case "message_start" if event.message is not None:
                self._model = event.message.model
                self._count(event.message.usage)
            case "message_delta":
                self._end(event.delta or _Delta(), event.usage)
            case "message_stop":
                self.ended = True
            case "error":
                raise StreamBrokeOff(decode_error(data))
        return []

    def finish(self) -> list[Piece]:
        """The last piece: its usage is None where the upstream told none.

        Raises `StreamCutOff`.
        """
        if not self.ended:
            raise StreamCutOff
        reason = self._ending.get("stop_reason")
        last = Piece(
            finish_reason=finish_of(reason if isinstance(reason, str) else None),
            usage=usage_of(self._usage),
            model=self._model,
            extras=extras_of(self._ending, self._usage),
        )
        return [last]

    def _start(self, index: int, raw: _Json) -> list[Piece]:
        block = self._blocks[index] = _Block(raw, str(raw.get("type")))
        match block.kind:
            case "tool_use":
                block.call, self._calls = self._calls, self._calls + 1
                call = CallDelta(block.call, _text(raw, "id"), _text(raw, "name"))
                return [Piece(calls=(call,))]
            case "redacted_thinking":
                return [Piece(thought=Thought(hidden=_text(raw, "data")))]
            case "thinking" if _text(raw, "thinking") or _text(raw, "signature"):
                return [Piece(thought=Thought(_text(raw, "thinking"), _text(raw, "signature")))]
            case "text" if _text(raw, "text"):
                block.characters = len(_text(raw, "text"))
                return [Piece(_text(raw, "text"))]
        return []

    def _grow(self, index: int, delta: _Delta) -> list[Piece]:
        block = self._blocks.get(index)
        if block is None:
            raise NotAMessage
        self.written += len((delta.text or delta.thinking or delta.partial_json).encode())
        match delta.type:
            case "text_delta" if delta.text:
                block.characters += len(delta.text)
                return [Piece(delta.text)]
            case "input_json_delta" if delta.partial_json:
                block.json.append(delta.partial_json)
                if block.kind == CALL:
                    return [Piece(calls=(CallDelta(block.call, arguments=delta.partial_json),))]
            case "thinking_delta" if delta.thinking:
                return [Piece(thought=Thought(delta.thinking))]
            case "signature_delta" if delta.signature:
                return [Piece(thought=Thought(signature=delta.signature))]
            case "citations_delta" if delta.citation is not None:
                block.citations.append(cast("JsonValue", delta.citation))
        return []

    def _stop(self, index: int) -> list[Piece]:
        block = self._blocks.pop(index, None)
        if block is None:
            raise NotAMessage
        pieces = []
        if block.kind == CALL and not block.json:
            whole = _encode(block.raw.get("input") or {}).decode()
            pieces.append(Piece(calls=(CallDelta(block.call, arguments=whole),)))
        self._lay(block)
        if extras := self._layout.extras():
            pieces.append(Piece(choice_extras=extras))
        return pieces

    def _lay(self, block: _Block) -> None:
        raw = block.raw
        match block.kind:
            case "text":
                others = others_of({**raw, "citations": block.citations}, "type", "text")
                if block.characters or others:
                    self._layout.add(TEXT, others, characters=block.characters)
            case "thinking":
                self._layout.add(THINKING, others_of(raw, "type", "thinking", "signature"))
            case "redacted_thinking":
                self._layout.add(HIDDEN, others_of(raw, "type", "data"))
            case "tool_use":
                self._layout.add(CALL, others_of(raw, "type", "id", "name", "input"))
            case _:
                given: _Json = {"input": arguments_of("".join(block.json))} if block.json else {}
                self._layout.keep({**raw, **given})

    def _count(self, usage: dict[str, object] | None) -> None:
        told = cast("_Json", usage or {})
        self._usage |= {key: value for key, value in told.items() if value is not None}

    def _end(self, delta: _Delta, usage: dict[str, object] | None) -> None:
        """Usage is cumulative: what is told again replaces what was told before."""
        self._count(usage)
        self._ending |= {
            key: value
            for key, value in cast("_Json", msgspec.to_builtins(delta)).items()
            if key in _ENDING and value is not None
        }


_ENDING = frozenset({"stop_reason", "stop_sequence", "stop_details", "container"})


def _text(raw: _Json, key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
