"""A stream of a provider that is itself asked by the Responses API."""

from typing import Final

from passerelle.core.values.chat import (
    CallDelta,
    FinishReason,
    JsonValue,
    Piece,
    Thought,
    Usage,
)
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.estimates import estimated_usage
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_responses_upstream import (
    PARAGRAPH,
    call_in,
    carried,
    extras_of,
    finish_of,
    message_extras,
    read_error,
    read_object,
    read_response,
    thought_in,
    usage_of,
)
from passerelle.transport.wire.sse import Event, EventReader

_Json = dict[str, JsonValue]
_ENDINGS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesReader:
    """Bytes in, pieces out. Raises `NotACompletion`, `ErrorTold` and `EventTooLong`."""

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader()
        self._calls: dict[int, int] = {}
        """Place among the calls of each place in the output."""
        self._written: set[int] = set()
        """Places in the output of which something has been told already."""
        self._spoke = False
        self._carried: _Json = {}
        self._bytes = 0
        self._last: Piece | None = None

    @property
    def ended(self) -> bool:
        """Has the upstream said how the answer ended?"""
        return self._last is not None

    def push(self, chunk: bytes) -> list[Piece]:
        return self._pieces(self._events.push(chunk))

    def finish(self) -> list[Piece]:
        """What is left when the stream ends; the last piece carries usage. Raises `CutOff`."""
        pieces = [] if self.ended else self._pieces(self._events.finish())
        if self._last is None:
            raise CutOff
        return [*pieces, self._last]

    def _pieces(self, events: list[Event]) -> list[Piece]:
        found: list[Piece] = []
        for event in events:
            if event.data != b"[DONE]":
                told = read_object(event.data)
                kind = told.get("type")
                found += self._read(kind if isinstance(kind, str) else "", told)
        return found

    def _read(self, kind: str, told: _Json) -> list[Piece]:
        if kind == "error":
            raise read_error(told)
        if kind in _ENDINGS:
            self._end(told)
            return []
        if kind.endswith(".delta"):
            return self._delta(kind, told)
        if kind == "response.reasoning_summary_part.added" and told.get("summary_index"):
            return [Piece(thought=Thought(PARAGRAPH))]
        item = told.get("item")
        if not isinstance(item, dict):
            return []
        if kind == "response.output_item.added":
            return self._begun(_place(told), item)
        return self._done(_place(told), item) if kind == "response.output_item.done" else []

    def _delta(self, kind: str, told: _Json) -> list[Piece]:
        text, place = told.get("delta"), _place(told)
        if not isinstance(text, str) or not text:
            return []
        self._bytes += len(text.encode())
        self._written.add(place)
        match kind:
            case "response.output_text.delta":
                tokens = told.get("logprobs")
                return [Piece(text, logprobs={"content": tokens} if tokens else None)]
            case "response.refusal.delta":
                return [Piece(refusal=text)]
            case "response.function_call_arguments.delta" if place in self._calls:
                return [Piece(calls=(CallDelta(self._calls[place], arguments=text),))]
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return [Piece(thought=Thought(text))]
        return []

    def _begun(self, place: int, item: _Json) -> list[Piece]:
        if item.get("type") == "message":
            again, self._spoke = self._spoke, True
            return [Piece(PARAGRAPH)] if again else []
        call = call_in({**item, "arguments": ""})
        if call is None:
            return []
        self._calls[place] = len(self._calls)
        return [Piece(calls=(CallDelta(self._calls[place], call.id, call.name),))]

    def _done(self, place: int, item: _Json) -> list[Piece]:
        kind = item.get("type")
        if kind == "message":
            extras = message_extras(item)
            return [Piece(choice_extras=extras)] if extras else []
        if kind == "reasoning":
            return self._thought(place, item)
        call = call_in(item)
        if call is None:
            self._carried = carried(item, self._carried)
            return [Piece(choice_extras=self._carried)]
        if place in self._written or place not in self._calls:
            return []
        return [Piece(calls=(CallDelta(self._calls[place], arguments=call.arguments),))]

    def _thought(self, place: int, item: _Json) -> list[Piece]:
        whole = thought_in(item)
        text = "" if place in self._written else whole.text
        opaque = Thought(text, whole.signature, whole.hidden)
        return [Piece(thought=opaque)] if opaque != Thought() else []

    def _end(self, told: _Json) -> None:
        raw = told.get("response")
        response = read_response(raw)
        reason: FinishReason = finish_of(response, calls=bool(self._calls))
        usage: Usage = usage_of(response) or estimated_usage(self._call, self._bytes)
        extras = extras_of(raw) if isinstance(raw, dict) else {}
        self._last = Piece(finish_reason=reason, usage=usage, model=response.model, extras=extras)


def _place(told: _Json) -> int:
    place = told.get("output_index")
    return place if isinstance(place, int) else 0
