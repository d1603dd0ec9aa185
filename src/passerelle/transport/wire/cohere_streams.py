"""Streams of Cohere's chat, version 2 of its interface, as server-sent events."""

from dataclasses import replace
from typing import Final

import msgspec

from passerelle.core.values.chat import CallDelta, FinishReason, Piece, Thought, Usage
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.cohere_answers import (
    NotAnAnswer,
    Part,
    RawCall,
    RawLogprobs,
    RawUsage,
    citations_of,
    finish_of,
    logprobs_of,
    usage_of,
)
from passerelle.transport.wire.errors import ErrorBody, decode_error
from passerelle.transport.wire.estimates import estimated_usage
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.sse import Event, EventReader

_END: Final = b"[DONE]"


class _Message(msgspec.Struct):
    """One of them, as the type of the event says."""

    content: Part | None = None
    tool_plan: str = ""
    tool_calls: RawCall | None = None
    citations: dict[str, object] | None = None


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str = ""
    usage: RawUsage | None = None
    error: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    delta: _Delta | None = None
    logprobs: RawLogprobs | None = None


_decode = msgspec.json.Decoder(_Event).decode


class CohereReader:
    """From bytes of a stream to pieces, whatever way the bytes are cut.

    Raises `NotAnAnswer`, `ErrorTold` and `EventTooLong`, each only when all that came
    before it has been given out.
    """

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader()
        self._places: dict[int, int] = {}
        """Place of each call by the number that Cohere gives it."""
        self._argued: set[int] = set()
        self._citations: list[dict[str, object]] = []
        self._finish: FinishReason | None = None
        self._written = 0
        self._usage: Usage | None = None
        self._fault: NotAnAnswer | ErrorTold | None = None
        self.ended = False
        """The end mark has come, or an error."""

    def push(self, chunk: bytes) -> list[Piece]:
        return self._take(self._events.push(chunk))

    def finish(self) -> list[Piece]:
        """What is left when the stream ends; the last piece carries usage. Raises `CutOff`."""
        pieces = [] if self.ended else self._take(self._events.finish())
        if self._fault is not None:
            raise self._fault
        if self._finish is None:
            raise CutOff
        last = Piece(
            calls=tuple(
                CallDelta(place, arguments="{}")
                for place in self._places.values()
                if place not in self._argued
            ),
            choice_extras=citations_of(self._citations),
            finish_reason=self._finish,
            usage=self._usage or estimated_usage(self._call, self._written),
        )
        return [*pieces, last]

    def _take(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if self.ended or event.data == _END:
                self.ended = True
                break
            try:
                piece = self._piece(_read(event.data))
            except (NotAnAnswer, ErrorTold) as fault:
                self._fault, self.ended = fault, True
                break
            if piece != Piece():
                pieces.append(piece)
        return pieces

    def _piece(self, event: _Event) -> Piece:
        """Types of events that are not known say nothing."""
        delta = event.delta or _Delta()
        if event.type == "message-end":
            self._finish = finish_of(delta.finish_reason, delta.error or "")
            self._usage = usage_of(delta.usage)
            self.ended = True
        message = delta.message or _Message()
        if message.citations is not None:
            self._citations.append(message.citations)
        piece = Piece()
        if message.content is not None:
            piece = _said(message.content)
        if message.tool_plan:
            piece = Piece(thought=Thought(message.tool_plan))
        if message.tool_calls is not None:
            piece = Piece(calls=(self._called(event.index, message.tool_calls),))
        if event.logprobs is not None:
            piece = replace(piece, logprobs=logprobs_of((event.logprobs,)))
        self._written += _bytes_of(piece)
        return piece

    def _called(self, number: int, call: RawCall) -> CallDelta:
        place = self._places.setdefault(number, len(self._places))
        function = call.function
        if function.arguments:
            self._argued.add(place)
        return CallDelta(place, call.id, function.name, function.arguments)


def _read(data: bytes) -> _Event:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        told = decode_error(data)
        raise ErrorTold(told) if told != ErrorBody() else NotAnAnswer from fault


def _said(part: Part) -> Piece:
    return Piece(part.text, thought=Thought(part.thinking) if part.thinking else None)


def _bytes_of(piece: Piece) -> int:
    thought = piece.thought.text if piece.thought is not None else ""
    calls = "".join(call.name + call.arguments for call in piece.calls)
    return len(f"{piece.text}{thought}{calls}".encode())
