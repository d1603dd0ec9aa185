"""Streams of Anthropic Messages, as an upstream sends them as server-sent events."""

from dataclasses import replace
from typing import Final

from passerelle.core.values.chat import Piece
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.anthropic_answers import NotAMessage
from passerelle.transport.wire.anthropic_errors import status_told
from passerelle.transport.wire.anthropic_stream_reader import (
    MessagesReader,
    StreamBrokeOff,
    StreamCutOff,
)
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.estimates import estimated_usage
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.sse import Event, EventReader

LONGEST_EVENT: Final = 8_000_000
"""Bytes: what a search has found, or code has written, comes whole in one event."""


class ClaudeReader:
    """Bytes in, pieces out, whatever way the bytes are cut.

    What goes wrong is told as by every other reader, but only at the end: what came before
    it in the same bytes is not lost.
    """

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader(longest=LONGEST_EVENT)
        self._reader = MessagesReader()
        self._fault: ErrorTold | NotAMessage | None = None

    @property
    def ended(self) -> bool:
        return self._reader.ended or self._fault is not None

    def push(self, chunk: bytes) -> list[Piece]:
        """Raises `EventTooLong`."""
        return self._taken(self._events.push(chunk))

    def finish(self) -> list[Piece]:
        """Raises `ErrorTold`, `NotAMessage` and `CutOff`."""
        rest = [] if self.ended else self._taken(self._events.finish())
        if self._fault is not None:
            raise self._fault
        try:
            (last,) = self._reader.finish()
        except StreamCutOff:
            raise CutOff from None
        usage = last.usage or estimated_usage(self._call, self._reader.written)
        return [*rest, replace(last, usage=usage)]

    def _taken(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if self.ended:
                break
            try:
                pieces += self._reader.take(event.data)
            except NotAMessage as fault:
                self._fault = fault
            except StreamBrokeOff as failure:
                told = failure.told
                code = told.code or status_told(told)
                self._fault = ErrorTold(ErrorBody(told.message, told.type, code=code))
        return pieces
