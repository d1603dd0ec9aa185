"""A streamed answer of OpenAI's Responses API: named events, numbered one by one."""

from passerelle.core.values.chat import (
    CallDelta,
    Completion,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
)
from passerelle.core.values.errors import Refusal
from passerelle.transport.wire.openai_responses_answers import (
    ITEMS_FIELD,
    Frame,
    Outcome,
    ended,
    failure_code,
    item_status,
    response_object,
    uninterpreted_items,
)
from passerelle.transport.wire.openai_responses_growing import (
    Events,
    GrowingCall,
    GrowingMessage,
    GrowingThought,
    Passed,
)
from passerelle.transport.wire.provenance import Provenance

_Json = dict[str, JsonValue]
_Growing = GrowingThought | GrowingMessage | GrowingCall | Passed


class ResponsesWriter:
    """Writes one answer as its pieces come.

    One item is open at a time. Only calls stay open while they may still grow, since a
    provider may write several at once.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._events = Events()
        self._items: list[_Growing] = []
        self._calls: dict[int, GrowingCall] = {}

    def opening(self) -> bytes:
        begun: _Json = {"response": response_object(self._frame, Outcome("in_progress"))}
        created = self._events.event("response.created", begun)
        return created + self._events.event("response.in_progress", begun)

    def piece(self, piece: Piece) -> bytes:
        if piece.index:  # there is one answer only
            return b""
        out = b"" if piece.thought is None else self._think(piece.thought)
        extras: _Json = {}
        if piece.choice_extras:
            out += self._pass(uninterpreted_items(piece.choice_extras))
            extras = {**piece.choice_extras}
            extras.pop(ITEMS_FIELD, None)
        if piece.text or piece.refusal:
            out += self._say(piece, extras)
        elif piece.logprobs is not None or extras:
            out += self._note(piece.logprobs, extras)
        for delta in piece.calls:
            out += self._call(delta)
        return out

    def closing(self, completion: Completion, provenance: Provenance | None) -> bytes:
        out = b"" if self._items else self._message()[1]
        out += self._end_open(item_status(completion.finish_reason), calls=True)
        outcome = ended(completion, [item.item for item in self._items])
        answer: dict[str, object] = dict(response_object(self._frame, outcome))
        if provenance is not None:
            answer["passerelle"] = provenance
        return out + self._events.event(f"response.{outcome.status}", {"response": answer})

    def failure(self, refusal: Refusal, _request_id: str) -> bytes:
        """An error, as clients that only read a stream see it, then what became of the response."""
        told: _Json = {"code": refusal.code, "message": refusal.message, "param": refusal.param}
        # The description has the fields beside `type`; clients look for them below `error`.
        error = self._events.event("error", {**told, "error": {**told, "type": refusal.kind}})
        why: _Json = {"code": failure_code(refusal.status), "message": refusal.message}
        output: list[JsonValue] = [item.item for item in self._items]
        failed = response_object(self._frame, Outcome("failed", output, error=why))
        return error + self._events.event("response.failed", {"response": failed})

    def _think(self, thought: Thought) -> bytes:
        last = self._items[-1] if self._items else None
        if isinstance(last, GrowingThought) and not last.ended:
            return last.think(thought)
        growing = GrowingThought(self._events, len(self._items), self._frame.seed)
        return self._begin(growing) + growing.think(thought)

    def _pass(self, items: list[JsonValue]) -> bytes:
        """Items of the provider's own; each time all so far are told."""
        out = b""
        for item in items[sum(isinstance(item, Passed) for item in self._items) :]:
            if isinstance(item, dict):
                out += self._begin(Passed(self._events, len(self._items), item))
        return out

    def _say(self, piece: Piece, extras: _Json) -> bytes:
        message, out = self._message()
        if piece.text:
            out += message.say(piece.text, piece.logprobs)
        if piece.refusal:
            out += message.refuse(piece.refusal)
        if extras:
            message.note(None, extras)
        return out

    def _note(self, logprobs: JsonValue, extras: _Json) -> bytes:
        said = [item for item in self._items if isinstance(item, GrowingMessage)]
        message, out = (said[-1], b"") if said else self._message()
        message.note(logprobs, extras)
        return out

    def _message(self) -> tuple[GrowingMessage, bytes]:
        """The message that words belong to now, and what opens it."""
        last = self._items[-1] if self._items else None
        if isinstance(last, GrowingMessage) and not last.ended:
            return last, b""
        growing = GrowingMessage(self._events, len(self._items), self._frame.seed)
        return growing, self._begin(growing)

    def _call(self, delta: CallDelta) -> bytes:
        growing, out = self._calls.get(delta.index), b""
        if growing is None:
            call = ToolCall(delta.id, delta.name, "", delta.signature)
            growing = GrowingCall(self._events, len(self._items), self._frame.seed, call)
            self._calls[delta.index] = growing
            out = self._begin(growing)
        return out + growing.grow(delta.arguments, delta.signature)

    def _begin(self, growing: _Growing) -> bytes:
        out = self._end_open("completed", calls=False)
        self._items.append(growing)
        return out + growing.begin()

    def _end_open(self, status: str, *, calls: bool) -> bytes:
        ending = (
            item for item in self._items if calls or not isinstance(item, GrowingCall) or item.whole
        )
        return b"".join([item.end(status) for item in ending])
