"""Answers of Anthropic Messages, both directions, whole."""

from collections.abc import Iterator
from typing import Annotated, Literal, cast

import msgspec

from passerelle.core.values.chat import (
    Choice,
    Completion,
    JsonValue,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.transport.wire.anthropic_blocks import call_block, thought_blocks
from passerelle.transport.wire.anthropic_layout import (
    CALL,
    CHARACTERS,
    HIDDEN,
    LAYOUT,
    TEXT,
    THINKING,
    Layout,
    Supply,
    entries_in,
    others_of,
)
from passerelle.transport.wire.anthropic_usage import (
    ending_of,
    extras_of,
    finish_of,
    usage_object,
    usage_of,
)
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.provenance import Provenance, RouteObject

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_UNTOLD = Usage(estimated=True)


class NotAMessage(Exception):
    """An upstream's bytes are not what Anthropic Messages answers."""


class _Answer(msgspec.Struct):
    content: list[dict[str, object]]
    model: str = ""
    stop_reason: str | None = None


class _Counted(msgspec.Struct):
    input_tokens: Annotated[int, msgspec.Meta(ge=0)]


def decode_completion(body: bytes) -> Completion:
    """Usage is zero and `estimated` where the upstream told none. Raises `NotAMessage`."""
    try:
        raw = cast("_Json", _decode(body))
        answer = msgspec.convert(raw, _Answer)
        grown = Growing()
        for block in cast("list[_Json]", raw["content"]):
            grown.take(block)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotAMessage from fault
    usage = raw.get("usage")
    choice = Choice(
        grown.text,
        finish_of(answer.stop_reason),
        tool_calls=tuple(grown.calls),
        thoughts=tuple(grown.thoughts),
        extras=grown.layout.extras(),
    )
    return Completion((choice,), usage_of(usage) or _UNTOLD, answer.model, extras_of(raw, usage))


def decode_count(body: bytes) -> int:
    """Raises `NotAMessage`."""
    try:
        return msgspec.json.decode(body, type=_Counted).input_tokens
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotAMessage from fault


class CountProvenance(msgspec.Struct):
    """What the `passerelle` object of a count holds."""

    exchange_id: str
    usecase: str
    stage: str
    release: str
    route: RouteObject
    counted_by: Literal["provider", "estimate"]


class _CountObject(msgspec.Struct):
    input_tokens: int
    passerelle: CountProvenance


def encode_count(tokens: int, provenance: CountProvenance) -> bytes:
    return _encode(_CountObject(tokens, provenance))


class _Text(msgspec.Struct):
    text: str


class _Thinking(msgspec.Struct):
    thinking: str = ""
    signature: str = ""


class _Hidden(msgspec.Struct):
    data: str


class _Call(msgspec.Struct):
    id: str
    name: str
    input: dict[str, object] | None = None


class Growing:
    """An answer that grows by whole blocks."""

    def __init__(self) -> None:
        self.text = ""
        self.calls: list[ToolCall] = []
        self.thoughts: list[Thought] = []
        self.layout = Layout()

    def take(self, raw: _Json) -> None:
        """Raises `msgspec.ValidationError`."""
        match raw.get("type"):
            case "text":
                text, others = msgspec.convert(raw, _Text).text, others_of(raw, "type", "text")
                self.text += text
                if text or others:
                    self.layout.add(TEXT, others, characters=len(text))
            case "thinking":
                thought = msgspec.convert(raw, _Thinking)
                self.thoughts.append(Thought(thought.thinking, thought.signature))
                self.layout.add(THINKING, others_of(raw, "type", "thinking", "signature"))
            case "redacted_thinking":
                self.thoughts.append(Thought(hidden=msgspec.convert(raw, _Hidden).data))
                self.layout.add(HIDDEN, others_of(raw, "type", "data"))
            case "tool_use":
                call = msgspec.convert(raw, _Call)
                self.calls.append(ToolCall(call.id, call.name, _arguments(call.input)))
                self.layout.add(CALL, others_of(raw, "type", "id", "name", "input"))
            case _:
                self.layout.keep(raw)


def _arguments(given: dict[str, object] | None) -> str:
    return _encode(given or {}).decode()


def encode_completion(
    heading: Heading, completion: Completion, provenance: Provenance | None
) -> bytes:
    choice = completion.choices[0]
    content: list[JsonValue] = [*content_of(choice)]
    body: _Json = {
        **{key: value for key, value in choice.extras.items() if key != LAYOUT},
        "id": heading.id,
        "type": "message",
        "role": "assistant",
        "model": heading.model,
        "content": content,
        **ending_of(completion),
        "usage": usage_object(completion),
    }
    written = _encode(body)
    if provenance is None:
        return written
    return written[:-1] + b',"passerelle":' + _encode(provenance) + b"}"


def content_of(choice: Choice) -> Iterator[_Json]:
    """Blocks of an answer. One that a guard has stopped is its text alone."""
    stopped = choice.finish_reason == "content_filter"
    entries = [] if stopped else entries_in(choice.extras)
    texts = _texts(choice.text, entries)
    if texts is None:
        entries, texts = _joined(entries), [choice.text]
    if choice.refusal:
        texts.append(choice.refusal)
    supply = Supply(
        [block for thought in choice.thoughts for block in thought_blocks(thought)],
        [{"type": TEXT, "text": text} for text in texts if text],
        [signed_call(call) for call in choice.tool_calls],
    )
    return supply.laid_out(entries)


def signed_call(call: ToolCall) -> _Json:
    """With the signature of providers that sign calls, which must come back."""
    return call_block(call) | ({"signature": call.signature} if call.signature else {})


def _texts(text: str, entries: list[_Json]) -> list[str] | None:
    """The text as its blocks; None where it is no longer what the list describes."""
    texts, start = [], 0
    for entry in entries:
        length = entry.get(CHARACTERS) if entry.get("type") == TEXT else None
        if isinstance(length, int):
            texts.append(text[start : start + length])
            start += length
    return texts if start == len(text) else None


def _joined(entries: list[_Json]) -> list[_Json]:
    """The list with one text, which no citation fits any more."""
    first = next((place for place, each in enumerate(entries) if each.get("type") == TEXT), 0)
    return [
        {"type": TEXT} if place == first else entry
        for place, entry in enumerate(entries)
        if place == first or entry.get("type") != TEXT
    ]
