"""Streams of Bedrock's ConverseStream."""

from dataclasses import dataclass, field
from typing import cast

import msgspec

from passerelle.core.values.chat import (
    CallDelta,
    JsonValue,
    Piece,
    Thought,
    Usage,
)
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.anthropic_layout import CALL, HIDDEN, TEXT, THINKING, Layout
from passerelle.transport.wire.aws_errors import AwsError, told_in_stream
from passerelle.transport.wire.aws_event_stream import EventMessage, MessageReader
from passerelle.transport.wire.bedrock_answers import (
    SERVER_TOOL,
    NotAnAnswer,
    TokenUsage,
    beside_text,
    chosen_model,
    finish_of,
    further_in,
    usage_of,
)
from passerelle.transport.wire.estimates import estimated_usage

_Json = dict[str, JsonValue]


class CutOff(Exception):
    """A stream ended before its answer was complete."""


class ErrorTold(Exception):
    """The stream broke off with an error, after a good status."""

    def __init__(self, told: AwsError) -> None:
        super().__init__()
        self.told = told


class _CallStart(msgspec.Struct):
    toolUseId: str  # noqa: N815 - as on the wire
    name: str
    type: str | None = None


class _Start(msgspec.Struct):
    toolUse: _CallStart | None = None  # noqa: N815 - as on the wire


class _StartEvent(msgspec.Struct):
    contentBlockIndex: int  # noqa: N815 - as on the wire
    start: _Start


class _CallInput(msgspec.Struct):
    input: str = ""


class _ReasoningDelta(msgspec.Struct):
    text: str = ""
    signature: str = ""
    redactedContent: str = ""  # noqa: N815 - as on the wire


class _Delta(msgspec.Struct):
    text: str | None = None
    toolUse: _CallInput | None = None  # noqa: N815 - as on the wire
    reasoningContent: _ReasoningDelta | None = None  # noqa: N815 - as on the wire
    citation: dict[str, object] | None = None


class _DeltaEvent(msgspec.Struct):
    contentBlockIndex: int  # noqa: N815 - as on the wire
    delta: _Delta


class _StopEvent(msgspec.Struct):
    contentBlockIndex: int  # noqa: N815 - as on the wire


class _EndEvent(msgspec.Struct):
    stopReason: str  # noqa: N815 - as on the wire


class _Metadata(msgspec.Struct):
    usage: TokenUsage | None = None


@dataclass(slots=True)
class _Block:
    """One block of content, as far as it has come."""

    kind: str = ""
    characters: int = 0
    call: int = -1
    """Its place among the calls."""
    argued: bool = False
    foreign: _Json = field(default_factory=dict)
    """How it started, and its deltas, where no client's format has such a block."""


_read_start = msgspec.json.Decoder(_StartEvent).decode
_read_delta = msgspec.json.Decoder(_DeltaEvent).decode
_read_stop = msgspec.json.Decoder(_StopEvent).decode
_read_end = msgspec.json.Decoder(_EndEvent).decode
_read_metadata = msgspec.json.Decoder(_Metadata).decode
_read_object = msgspec.json.Decoder(dict[str, object]).decode


class ConverseReader:
    """From bytes of a stream to pieces; pure, whatever way the bytes are cut.

    `push` raises `BrokenStream`, `NotAnAnswer` and `ErrorTold`; `finish` raises `CutOff`.
    """

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._messages = MessageReader()
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._layout = Layout()
        self._cited: list[JsonValue] = []
        self._others: list[JsonValue] = []
        self._written = 0
        """Bytes of all that the model wrote."""
        self._stop_reason: str | None = None
        self._usage: Usage | None = None
        self._model = ""
        self._further: _Json = {}
        self.ended = False
        """Nothing comes after the usage."""

    def push(self, chunk: bytes) -> list[Piece]:
        pieces: list[Piece] = []
        for message in self._messages.push(chunk):
            kind = message.headers.get(":message-type")
            if kind in ("exception", "error"):
                raise ErrorTold(told_in_stream(message))
            if kind != "event":
                raise NotAnAnswer
            try:
                piece = self._take(message)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
                raise NotAnAnswer from fault
            if piece is not None:
                pieces.append(piece)
        return pieces

    def finish(self) -> list[Piece]:
        """The last piece."""
        if self._stop_reason is None:
            raise CutOff
        reason, extras = finish_of(self._stop_reason, calls=self._calls > 0)
        extras |= self._layout.extras() | beside_text(self._cited, self._others)
        usage = self._usage or estimated_usage(self._call, self._written)
        return [
            Piece(
                choice_extras=extras,
                finish_reason=reason,
                usage=usage,
                model=self._model or self._call.model,
                extras=self._further,
            )
        ]

    def _take(self, message: EventMessage) -> Piece | None:
        payload = message.payload
        match message.headers.get(":event-type"):
            case "contentBlockDelta":
                return self._delta(_read_delta(payload), payload)
            case "contentBlockStart":
                return self._start(_read_start(payload), payload)
            case "contentBlockStop":
                return self._stop(_read_stop(payload).contentBlockIndex)
            case "messageStop":
                self._stop_reason = _read_end(payload).stopReason
                self._tell(payload)
            case "metadata":
                told = _read_metadata(payload).usage
                self._usage = usage_of(told) if told is not None else None
                self._tell(payload)
                self.ended = True
        return None  # a start without content, and events that are new to us

    def _tell(self, payload: bytes) -> None:
        raw = cast("_Json", _read_object(payload))
        self._further |= further_in(raw)
        self._model = chosen_model(raw) or self._model

    def _start(self, event: _StartEvent, payload: bytes) -> Piece | None:
        block = self._block(event.contentBlockIndex)
        use = event.start.toolUse
        if use is None or use.type == SERVER_TOOL:
            start = cast("_Json", _read_object(payload)["start"])
            block.foreign = {**start, "deltas": []} if start else {}
            return None
        block.kind, block.call = CALL, self._calls
        self._calls += 1
        self._written += len(use.name)
        return Piece(calls=(CallDelta(block.call, use.toolUseId, use.name),))

    def _delta(self, event: _DeltaEvent, payload: bytes) -> Piece | None:
        block, delta = self._block(event.contentBlockIndex), event.delta
        if delta.text is not None and not block.foreign:
            block.kind = TEXT
            block.characters += len(delta.text)
            self._written += len(delta.text.encode())
            return Piece(delta.text) if delta.text else None
        if delta.toolUse is not None and block.call >= 0:
            given = delta.toolUse.input
            block.argued = block.argued or bool(given)
            self._written += len(given.encode())
            return Piece(calls=(CallDelta(block.call, arguments=given),)) if given else None
        if delta.reasoningContent is not None:
            return self._thought(block, delta.reasoningContent)
        if delta.citation is not None:
            self._cited.append(cast("_Json", delta.citation))
            return None
        raw = cast("_Json", _read_object(payload))
        block.foreign.setdefault("deltas", [])
        cast("list[JsonValue]", block.foreign["deltas"]).append(raw["delta"])
        return None

    def _thought(self, block: _Block, delta: _ReasoningDelta) -> Piece | None:
        block.kind = HIDDEN if delta.redactedContent else THINKING
        self._written += len(delta.text.encode())
        thought = Thought(delta.text, delta.signature, delta.redactedContent)
        return Piece(thought=thought) if thought != Thought() else None

    def _stop(self, index: int) -> Piece | None:
        block = self._blocks.pop(index, _Block())
        if block.foreign:
            self._others.append(block.foreign)
        elif block.kind == TEXT:
            if block.characters:  # some models start with a text of nothing
                self._layout.add(TEXT, {}, characters=block.characters)
        elif block.kind:
            self._layout.add(block.kind, {})
        if block.call < 0 or block.argued:
            return None
        return Piece(calls=(CallDelta(block.call, arguments="{}"),))

    def _block(self, index: int) -> _Block:
        return self._blocks.setdefault(index, _Block())
