"""Content blocks of a turn of Anthropic Messages, both directions."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar, cast

import msgspec

from passerelle.core.values.chat import (
    JsonObject,
    JsonValue,
    Media,
    Message,
    Part,
    Role,
    Text,
    Thought,
    ToolCall,
)
from passerelle.domain.routing.providers import Inexpressible
from passerelle.transport.wire.anthropic_layout import (
    CALL,
    DOCUMENT,
    HIDDEN,
    IMAGE,
    TEXT,
    THINKING,
    Layout,
    Supply,
    entries_in,
    others_of,
)
from passerelle.transport.wire.bodies import InvalidField, converted
from passerelle.transport.wire.openai_parts import plain, text_of

_Json = dict[str, JsonValue]
_Struct = TypeVar("_Struct")
INVALID_JSON: Final = "INVALID_JSON"
"""Where Anthropic's documentation puts arguments that are no JSON object."""
_PDF: Final = "application/pdf"
_PLAIN: Final = "text/plain"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _Text(msgspec.Struct):
    text: str


class _Source(msgspec.Struct):
    type: str
    data: str = ""
    url: str = ""
    media_type: str = ""


class _Media(msgspec.Struct):
    source: _Source
    title: str | None = None


class _Thinking(msgspec.Struct):
    thinking: str
    signature: str = ""


class _Hidden(msgspec.Struct):
    data: str


class _Call(msgspec.Struct):
    id: str
    name: str
    input: dict[str, object]
    signature: str = ""
    """Of providers that sign calls; written by us, so that it comes back."""


class Turn:
    """Collects the blocks of one turn."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.thoughts: list[Thought] = []
        self.calls: list[ToolCall] = []
        self.layout = Layout()

    def take(self, raw: _Json, param: str) -> None:
        """Raises kin of `InvalidRequest` that name the field below `param`."""
        kind = raw.get("type")
        if not isinstance(kind, str):
            raise InvalidField(f"`{param}.type` is missing.", param=f"{param}.type")
        take = _TAKERS.get(kind)
        if take is None:
            self.layout.keep(raw)
        else:
            take(self, raw, param)

    def message(self, role: Role) -> Message:
        parts = tuple(self.parts)
        return Message(
            role,
            text_of(parts),
            plain(parts),
            tuple(self.calls),
            thoughts=tuple(self.thoughts),
            extras=self.layout.extras(),
        )

    def text(self, raw: _Json, param: str) -> None:
        part = Text(read(raw, _Text, param).text, others_of(raw, "type", "text"))
        if part != Text(""):
            self.parts.append(part)
            self.layout.add(TEXT, {})

    def media(self, raw: _Json, param: str) -> None:
        block = read(raw, _Media, param)
        media = _media(block, raw)
        if media is None:
            self.layout.keep(raw)
            return
        self.parts.append(media)
        self.layout.add(IMAGE if media.kind == "image" else DOCUMENT, {})

    def thinking(self, raw: _Json, param: str) -> None:
        block = read(raw, _Thinking, param)
        self.thoughts.append(Thought(block.thinking, block.signature))
        self.layout.add(THINKING, others_of(raw, "type", "thinking", "signature"))

    def hidden(self, raw: _Json, param: str) -> None:
        self.thoughts.append(Thought(hidden=read(raw, _Hidden, param).data))
        self.layout.add(HIDDEN, others_of(raw, "type", "data"))

    def call(self, raw: _Json, param: str) -> None:
        block = read(raw, _Call, param)
        arguments = _encode(block.input).decode()
        self.calls.append(ToolCall(block.id, block.name, arguments, block.signature))
        self.layout.add(CALL, others_of(raw, "type", "id", "name", "input", "signature"))


_TAKERS: Final[Mapping[str, Callable[[Turn, _Json, str], None]]] = {
    TEXT: Turn.text,
    IMAGE: Turn.media,
    DOCUMENT: Turn.media,
    THINKING: Turn.thinking,
    HIDDEN: Turn.hidden,
    CALL: Turn.call,
}


def read(raw: _Json, kind: type[_Struct], param: str) -> _Struct:
    """A block as a struct. Raises `InvalidField`, which names the field below `param`."""
    try:
        return converted(raw, kind)
    except InvalidField as fault:
        within = f"{param}.{fault.param}" if fault.param else param
        detail = fault.detail.replace(f"`{fault.param or ''}`", f"`{within}`", 1)
        raise InvalidField(detail, param=within) from None


def _media(block: _Media, raw: _Json) -> Media | None:
    """None for what stands elsewhere: a file at Anthropic, other blocks."""
    source = block.source
    kind = cast("str", raw["type"])
    name = block.title or ""
    known = ("type", "source") if kind == IMAGE else ("type", "source", "title")
    others = others_of(raw, *known)
    sort: Literal["image", "file"] = "image" if kind == IMAGE else "file"
    match source.type:
        case "base64":
            return Media(sort, source.data, media_type=source.media_type, name=name, extras=others)
        case "url":
            return Media(sort, url=source.url, name=name, extras=others)
        case "text" if kind == DOCUMENT:
            data = base64.b64encode(source.data.encode()).decode()
            return Media(sort, data, media_type=_PLAIN, name=name, extras=others)
        case _:
            return None


def blocks_of(message: Message, *, foreign: bool) -> list[_Json]:
    """Blocks of a turn for Anthropic; of tool results, the blocks of their content.

    What was thought goes back only where its provider can recognise it: signed, or hidden.
    `foreign` says that the extras are not in Anthropic's naming. Raises `Inexpressible`.
    """
    parts = message.parts or ((Text(message.text),) if message.text else ())
    supply = Supply(
        [block for thought in message.thoughts for block in thought_blocks(thought, strict=True)],
        [part_block(part, foreign=foreign) for part in parts if part != Text("")],
        [call_block(call) for call in message.tool_calls],
    )
    return list(supply.laid_out([] if foreign else entries_in(message.extras)))


def thought_blocks(thought: Thought, *, strict: bool = False) -> list[_Json]:
    """Usually one. `strict` leaves out what is not signed, which Anthropic does not take back."""
    blocks: list[_Json] = []
    if thought.signature or (thought.text and not strict):
        blocks.append({"type": THINKING, "thinking": thought.text, "signature": thought.signature})
    if thought.hidden:
        blocks.append({"type": HIDDEN, "data": thought.hidden})
    return blocks


def call_block(call: ToolCall) -> _Json:
    return {"type": CALL, "id": call.id, "name": call.name, "input": arguments_of(call.arguments)}


def arguments_of(text: str) -> _Json:
    """The object that a call's arguments say; what is none is wrapped in one."""
    if not text.strip():
        return {}
    try:
        told = _decode(text)
    except (msgspec.MsgspecError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {INVALID_JSON: text}


def part_block(part: Part, *, foreign: bool) -> _Json:
    others = _passable(part.extras, foreign=foreign)
    if isinstance(part, Text):
        return {"type": TEXT, "text": part.text, **others}
    if part.kind == "audio":
        raise Inexpressible("It hears no audio.", param="messages[].content[].input_audio")
    if part.kind == "image":
        return {"type": IMAGE, "source": _source(part), **others}
    title: _Json = {"title": part.name} if part.name else {}
    return {"type": DOCUMENT, "source": _source(part), **title, **others}


def _passable(extras: JsonObject, *, foreign: bool) -> _Json:
    """`cache_control` is written so in every format; all else only in Anthropic's own."""
    if foreign:
        for field in extras:
            if field != "cache_control":
                raise Inexpressible(f"It has no `{field}`.", param=f"messages[].content[].{field}")
    return dict(extras)


def _source(media: Media) -> _Json:
    if media.url:
        return {"type": "url", "url": media.url}
    if media.kind == "image":
        return {"type": "base64", "media_type": media.media_type, "data": media.data}
    if media.media_type == _PLAIN:
        return {"type": "text", "media_type": _PLAIN, "data": _plain_text(media)}
    if media.media_type not in (_PDF, ""):
        raise Inexpressible(
            f"It reads no files of type {media.media_type[:40]!r}.",
            param="messages[].content[].file",
        )
    return {"type": "base64", "media_type": _PDF, "data": media.data}


def _plain_text(media: Media) -> str:
    try:
        return base64.b64decode(media.data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Inexpressible(
            "The file is no text in UTF-8.", param="messages[].content[].file"
        ) from None
