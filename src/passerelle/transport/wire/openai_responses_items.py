"""Items of the Responses API and turns of a conversation, both directions.

There, what a model thinks, says and calls are items of their own; here they are one turn.
Items that follow each other and belong to one turn are joined. An item that we do not
interpret becomes a turn without text whose `extras` are the item. What is only an item's
place in a store (`id`, `status`) is not kept, but for reasoning, which its provider
knows by its id.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import msgspec

from passerelle.core.values.chat import (
    JsonObject,
    JsonValue,
    Message,
    Part,
    Text,
    Thought,
    ToolCall,
)
from passerelle.transport.wire.bodies import InvalidField, UnsupportedField, converted
from passerelle.transport.wire.openai_parts import plain, text_of
from passerelle.transport.wire.openai_responses_parts import RawPart, encode_part, parts_of
from passerelle.transport.wire.openai_responses_thoughts import own_id, reasoning_item, thought_of

_Json = dict[str, JsonValue]
T = TypeVar("T")


class _MessageItem(msgspec.Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[RawPart]
    type: str | None = None
    id: str | None = None
    status: str | None = None


class _CallItem(msgspec.Struct):
    type: str
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None
    signature: str = ""
    """Ours: what the provider of the call wants back."""


class _OutputItem(msgspec.Struct):
    type: str
    call_id: str
    output: str | list[RawPart]
    id: str | None = None
    status: str | None = None


class _ThoughtPart(msgspec.Struct):
    text: str


class _ReasoningItem(msgspec.Struct):
    type: str
    id: str = ""
    summary: list[_ThoughtPart] = []
    content: list[_ThoughtPart] | None = None
    encrypted_content: str | None = None
    status: str | None = None


@dataclass(slots=True)
class _Turn:
    """What a model did, until somebody else has a turn."""

    parts: tuple[Part, ...] = ()
    calls: list[ToolCall] = field(default_factory=list)
    thoughts: list[Thought] = field(default_factory=list)
    extras: JsonObject = field(default_factory=dict)

    def close(self) -> Iterator[Message]:
        if self.parts or self.calls or self.thoughts:
            yield Message(
                "assistant",
                text_of(self.parts),
                plain(self.parts),
                tool_calls=tuple(self.calls),
                thoughts=tuple(self.thoughts),
                extras=self.extras,
            )


def decode_items(items: Sequence[_Json]) -> tuple[Message, ...]:
    """Raises kin of `InvalidRequest` that name the place below `input`."""
    return tuple(_turns(items))


def _turns(items: Sequence[_Json]) -> Iterator[Message]:
    turn = _Turn()
    for place, item in enumerate(items):
        param = f"input[{place}]"
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
        if kind == "item_reference":
            raise UnsupportedField(
                "Items are not looked up by id: send the item itself, or `previous_response_id`.",
                param=param,
            )
        spoken = kind == "message" and item.get("role") == "assistant"
        if not spoken and kind not in ("reasoning", "function_call"):
            yield from turn.close()
            turn = _Turn()
            yield _others_turn(kind, item, param)
            continue
        if _begins_anew(turn, kind, item):
            yield from turn.close()
            turn = _Turn()
        _add(turn, kind, item, param)
    yield from turn.close()


def _begins_anew(turn: _Turn, kind: JsonValue, item: _Json) -> bool:
    """A turn is thoughts, then words, then calls; fields of an item are those of all the turn."""
    if turn.extras:
        return True
    if kind == "function_call":
        return bool(_beside(item, _CallItem) and (turn.parts or turn.calls))
    return bool(turn.parts or turn.calls)


def _add(turn: _Turn, kind: JsonValue, item: _Json, param: str) -> None:
    if kind == "reasoning":
        turn.thoughts.append(_thought(_read(item, _ReasoningItem, param)))
        turn.extras = _beside(item, _ReasoningItem)
    elif kind == "function_call":
        call = _read(item, _CallItem, param)
        turn.calls.append(ToolCall(call.call_id, call.name, call.arguments, call.signature))
        turn.extras = _beside(item, _CallItem)
    else:
        turn.parts = _content(item, _read(item, _MessageItem, param).content, f"{param}.content")
        turn.extras = _beside(item, _MessageItem)


def _others_turn(kind: JsonValue, item: _Json, param: str) -> Message:
    if kind == "message":
        told = _read(item, _MessageItem, param)
        parts = _content(item, told.content, f"{param}.content")
        extras = _beside(item, _MessageItem)
        return Message(told.role, text_of(parts), plain(parts), extras=extras)
    if kind == "function_call_output":
        output = _read(item, _OutputItem, param)
        parts = _content(item, output.output, f"{param}.output")
        return Message(
            "tool",
            text_of(parts),
            plain(parts),
            tool_call_id=output.call_id,
            extras=_beside(item, _OutputItem),
        )
    if not isinstance(kind, str):
        raise InvalidField(f"`{param}.type`: it is no string.", param=f"{param}.type")
    return Message("assistant", "", extras=item)


def _content(item: _Json, content: str | list[RawPart], param: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    raw = item[param.rpartition(".")[2]]
    given = [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []
    return parts_of(given, content, param)


def _thought(item: _ReasoningItem) -> Thought:
    # Some show a thought twice, as itself and as its summary.
    texts = dict.fromkeys(part.text for part in (*item.summary, *(item.content or ())))
    return thought_of("\n".join(texts), item.id, item.encrypted_content or "")


def _read(item: _Json, kind: type[T], param: str) -> T:
    try:
        return converted(item, kind)
    except InvalidField as fault:
        below = f"{param}.{fault.param}" if fault.param else param
        detail = fault.detail.replace(f"`{fault.param}`", f"`{below}`", 1)
        raise InvalidField(detail, param=below) from None


def _beside(item: _Json, kind: type[msgspec.Struct]) -> JsonObject:
    """Fields that we do not interpret."""
    known = kind.__struct_fields__
    return {key: item[key] for key in item if key not in known and item[key] is not None} or {}


def uninterpreted(message: Message) -> bool:
    """Is it an item that we only pass on?"""
    return not message.text and "type" in message.extras


def encode_items(messages: Iterable[Message], seed: str) -> list[_Json]:
    """Every item as a resource: with status, and an id that the seed and its place make."""
    items: list[_Json] = []
    for message in messages:
        for item in items_of(message):
            items.append(_with_id(item, f"{seed}_{len(items)}"))
    return items


_PREFIXES: Final = {"message": "msg_", "function_call": "fc_", "function_call_output": "fco_"}


def _with_id(item: _Json, seed: str) -> _Json:
    kind = item.get("type")
    if kind == "reasoning":
        return item | {"id": item["id"] or f"rs_{seed}"}
    if not isinstance(kind, str) or kind not in _PREFIXES:
        return item
    return {"id": _PREFIXES[kind] + seed, "status": "completed"} | item


def items_of(message: Message) -> Iterator[_Json]:
    """The items that a turn is there: thoughts, then words, then calls."""
    if uninterpreted(message):
        yield dict(message.extras)
    elif message.role == "tool":
        yield {**_output(message), **message.extras}
    else:
        yield from _done(message)


def _done(message: Message) -> Iterator[_Json]:
    """Fields that we do not interpret belong to the words, else to the one call or thought."""
    calls, thoughts, extras = message.tool_calls, message.thoughts, message.extras
    speaks = bool(message.text or message.parts or not (calls or thoughts))
    for thought in thoughts:
        yield {**reasoning_item(thought, own_id(thought)), **({} if speaks or calls else extras)}
    if speaks:
        yield {**_said(message), **extras}
    for call in calls:
        yield {**call_item(call), **({} if speaks else extras)}


def _said(message: Message) -> _Json:
    kind = "output_text" if message.role == "assistant" else "input_text"
    parts = message.parts or (Text(message.text),)
    content: list[JsonValue] = [encode_part(part, kind) for part in parts]
    return {"type": "message", "role": message.role, "content": content}


def _output(message: Message) -> _Json:
    output: JsonValue = message.text
    if message.parts:
        output = [encode_part(part, "input_text") for part in message.parts]
    return {"type": "function_call_output", "call_id": message.tool_call_id, "output": output}


def call_item(call: ToolCall) -> _Json:
    item: _Json = {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }
    return item | {"signature": call.signature} if call.signature else item
