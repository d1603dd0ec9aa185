"""Streams of servers that speak Chat Completions."""

import re
from dataclasses import dataclass, field, replace
from typing import Final, cast

import msgspec

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
from passerelle.transport.wire.openai_completions import (
    ANSWER,
    CHOICE,
    ErrorTold,
    NotACompletion,
    RawCall,
    RawChoice,
    converted,
    finish_reason,
    further_in,
    logprobs_in,
    made_up_id,
    read,
    uninterpreted,
    usage_in,
)
from passerelle.transport.wire.openai_thoughts import DETAILS_FIELD, parted_details
from passerelle.transport.wire.sse import Event, EventReader

_Json = dict[str, JsonValue]
_END: Final = b"[DONE]"


_MOST_MOULDS: Final = 4
"""Some servers put something new into every chunk."""
_CONTENT: Final = re.compile(rb'"content":\s*("(?:[^"\\]|\\.)*")')
_text = msgspec.json.Decoder(str).decode


@dataclass(frozen=True, slots=True)
class _Mould:
    """What stands around the text of a chunk: nearly all chunks of a stream share it."""

    before: bytes
    after: bytes
    index: int
    """Of the choice."""

    def text(self, data: bytes) -> str | None:
        """None where the chunk differs in more than its text."""
        if not data.startswith(self.before) or not data.endswith(self.after):
            return None
        try:
            return _text(data[len(self.before) : len(data) - len(self.after)])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


def _mould_of(data: bytes, index: int) -> _Mould | None:
    found = _CONTENT.findall(data)
    place = _CONTENT.search(data)
    if place is None or len(found) != 1:
        return None
    return _Mould(data[: place.start(1)], data[place.end(1) :], index)


class CutOff(Exception):
    """A stream ended before its answer was complete."""


@dataclass(slots=True)
class _Call:
    """One tool call, as far as it has come."""

    id: str
    named: bool = False
    argued: bool = False


@dataclass(slots=True)
class _Choice:
    """What has come of one choice."""

    calls: list[_Call] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    """Place of each call by the number that the server gives it."""
    extras: _Json = field(default_factory=dict)
    finish: str | None = None

    def delta(self, call: RawCall) -> CallDelta:
        """Numbers calls by ourselves: servers leave numbers out, or give them twice."""
        place = self._place(call)
        if place is None:
            place = len(self.calls)
            self.calls.append(_Call(call.identity))
            identity = call.identity or made_up_id(place)
        else:
            identity = ""
        if call.index is not None:
            self.places[call.index] = place
        known = self.calls[place]
        name = "" if known.named else call.name
        known.named = known.named or bool(name)
        known.argued = known.argued or bool(call.arguments)
        return CallDelta(place, identity, name, call.arguments, call.signature)

    def _place(self, call: RawCall) -> int | None:
        """None for a call that is new."""
        identity = call.identity
        if call.index is not None:
            place = self.places.get(call.index)
        elif identity:
            place = next((at for at, each in enumerate(self.calls) if each.id == identity), None)
        else:
            place = len(self.calls) - 1 if self.calls and not call.name else None
        another = place is not None and identity and call.name and self.calls[place].id != identity
        return None if another else place

    def ending(self) -> tuple[CallDelta, ...]:
        """Clients parse the arguments: of a call that needs none they are an empty object."""
        return tuple(
            CallDelta(place, arguments="{}")
            for place, call in enumerate(self.calls)
            if not call.argued
        )


class ChatReader:
    """From bytes of a stream to pieces, whatever way the bytes are cut.

    Raises `NotACompletion`, `ErrorTold` and `EventTooLong`; the first two only when all
    that came before has been given out.
    """

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader()
        self._choices: dict[int, _Choice] = {}
        self._written = 0
        self._usage: Usage | None = None
        self._model = ""
        self._further: _Json = {}
        self._mould: _Mould | None = None
        self._moulds = 0
        self._failure: NotACompletion | ErrorTold | None = None
        self.ended = False
        """The end mark has come, or nothing good can come any more."""

    def push(self, chunk: bytes) -> list[Piece]:
        pieces = self._take(self._events.push(chunk))
        if self._failure is not None and not pieces:
            raise self._failure
        return pieces

    def finish(self) -> list[Piece]:
        """What is left when the stream ends; the last piece carries usage.

        A stream without its end mark counts when all of its choices had a finish reason.
        Raises `CutOff`.
        """
        pieces = [] if self.ended else self._take(self._events.finish())
        if self._failure is not None:
            raise self._failure
        if not self._choices or any(each.finish is None for each in self._choices.values()):
            raise CutOff
        *others, last = sorted(self._choices.items())
        pieces += [self._ending(index, choice) for index, choice in others]
        usage = self._usage or estimated_usage(self._call, self._written)
        index, choice = last
        pieces.append(
            Piece(
                index=index,
                calls=choice.ending(),
                choice_extras=choice.extras,
                finish_reason=self._reason(choice),
                usage=usage,
                model=self._model,
                extras=self._further,
            )
        )
        return pieces

    def _ending(self, index: int, choice: _Choice) -> Piece:
        return Piece(
            index=index,
            calls=choice.ending(),
            choice_extras=choice.extras,
            finish_reason=self._reason(choice),
        )

    def _reason(self, choice: _Choice) -> FinishReason:
        return finish_reason(choice.finish or "", calls=bool(choice.calls))

    def _take(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if event.data == _END:
                self.ended = True
                break
            if (piece := self._alike(event.data)) is not None:
                pieces.append(piece)
                continue
            try:
                pieces += self._pieces(event.data)
            except (NotACompletion, ErrorTold) as failure:
                self._failure, self.ended = failure, True
                break
        return pieces

    def _alike(self, data: bytes) -> Piece | None:
        """A chunk that differs from the one before it in nothing but its text."""
        mould = self._mould
        if mould is None or not (text := mould.text(data)):
            return None
        self._written += len(text.encode())
        return Piece(text, mould.index)

    def _pieces(self, data: bytes) -> list[Piece]:
        raw = read(data)
        if raw.get("usage") is not None or "x_groq" in raw:
            self._usage = usage_in(raw) or self._usage
        if not raw.keys() <= ANSWER:
            self._further |= further_in(raw)
        if (plain := self._plain(raw)) is not None:
            if self._moulds < _MOST_MOULDS:
                self._moulds += 1
                self._mould = _mould_of(data, plain.index)
            return [plain]
        answer = converted(raw)
        self._model = answer.model or self._model
        written = cast("list[_Json]", raw["choices"])
        pieces = (self._piece(*each) for each in zip(answer.choices, written, strict=True))
        return [piece for piece in pieces if piece is not None]

    def _plain(self, raw: _Json) -> Piece | None:
        """A piece of nothing but text: nearly all of them are."""
        choices = cast("list[JsonValue]", raw["choices"])
        choice = choices[0] if len(choices) == 1 else None
        if not isinstance(choice, dict) or not choice.keys() <= CHOICE:
            return None
        delta, index = choice.get("delta"), choice.get("index", 0)
        if not isinstance(delta, dict) or len(delta) != 1 or not isinstance(index, int):
            return None
        text = delta.get("content")
        further = choice.get("finish_reason") is not None or choice.get("logprobs") is not None
        if not isinstance(text, str) or not text or further or index not in self._choices:
            return None
        self._written += len(text.encode())
        return Piece(text, index)

    def _piece(self, choice: RawChoice, raw: _Json) -> Piece | None:
        index = choice.index or 0
        known = self._choices.setdefault(index, _Choice())
        known.finish = known.finish if choice.finish_reason is None else choice.finish_reason
        merge(known.extras, uninterpreted(raw))
        delta = choice.delta or choice.message
        logprobs = logprobs_in(raw)
        if delta is None:
            return None if logprobs is None else Piece(index=index, logprobs=logprobs)
        thought = _thought(delta.thought, raw)
        calls = tuple(known.delta(call) for call in delta.tool_calls or ())
        refusal = delta.refusal or ""
        piece = Piece(delta.text, index, calls, thought, refusal, logprobs)
        called = "".join(call.name + call.arguments for call in calls)
        self._written += len(f"{delta.text}{delta.thought}{refusal}{called}".encode())
        return None if piece == Piece(index=index) else piece


def _thought(text: str, choice: _Json) -> Thought | None:
    """A detail of ours repeats what was thought, and ends it."""
    delta = choice.get("delta")
    details = delta.get(DETAILS_FIELD) if isinstance(delta, dict) else None
    for ending in parted_details(details)[0] if details else ():
        return replace(ending, text=text)
    return Thought(text) if text else None


def merge(whole: _Json, delta: _Json) -> None:
    """Adds a delta to what came before: texts grow, lists grow by `index`, the rest is replaced."""
    for key, value in delta.items():
        before = whole.get(key)
        if isinstance(value, str) and isinstance(before, str) and key not in _FIXED:
            whole[key] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            merge(before, value)
        elif isinstance(value, list):
            items: list[JsonValue] = before if isinstance(before, list) else []
            for item in value:
                _merge_item(items, item)
            whole[key] = items
        elif value is not None:
            whole[key] = value


_FIXED: Final = frozenset({"id", "type", "name", "format", "native_finish_reason", "stop_reason"})
"""Texts that come once; some servers repeat them in every chunk."""


def _merge_item(items: list[JsonValue], item: JsonValue) -> None:
    if isinstance(item, dict) and "index" in item:
        for known in items:
            if isinstance(known, dict) and known.get("index") == item["index"]:
                merge(known, item)
                return
    items.append(item)
