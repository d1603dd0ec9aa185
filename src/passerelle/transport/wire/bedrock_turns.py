"""Conversations as Bedrock's Converse wants them: turns of user and assistant alternate."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from passerelle.core.values.chat import (
    JsonObject,
    JsonValue,
    Message,
    Part,
    Text,
    Thought,
    ToolCall,
)
from passerelle.domain.routing.providers import Inexpressible
from passerelle.transport.wire.anthropic_blocks import arguments_of
from passerelle.transport.wire.anthropic_layout import (
    CALL,
    DOCUMENT,
    HIDDEN,
    IMAGE,
    LAYOUT,
    TEXT,
    THINKING,
    entries_in,
    others_of,
)
from passerelle.transport.wire.bedrock_media import DocumentNames, media_block

_Json = dict[str, JsonValue]
_Blocks = list[_Json]
_CACHE_MARK: Final = "cache_control"
_OF_DOCUMENTS: Final = frozenset({"citations", "context"})
"""Fields that documents have in Anthropic Messages and here alike."""
_SYSTEM: Final = frozenset({"system", "developer"})
_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_GROUPS: Final = {THINKING: 0, HIDDEN: 0, TEXT: 1, IMAGE: 1, DOCUMENT: 1, CALL: 2}


def turns_of(
    messages: Iterable[Message], *, foreign: bool
) -> tuple[list[JsonValue], list[JsonValue]]:
    """System blocks, and turns of which no two neighbours have the same role.

    Results of tools are turns of the user. `foreign` says that extras are not in the naming
    of Anthropic Messages. Raises `Inexpressible`.
    """
    system: list[JsonValue] = []
    turns: list[JsonValue] = []
    last, content = "", list[JsonValue]()
    names = DocumentNames()
    for place, message in enumerate(messages):
        blocks = _Turn(f"messages[{place}]", names, foreign=foreign).blocks(message)
        role = "user" if message.role == "tool" else message.role
        if role in _SYSTEM:
            system += blocks
        elif not blocks:
            continue  # a turn of nothing says nothing, and is refused
        elif role == last:
            content += blocks
        else:
            last, content = role, list(blocks)
            turns.append({"role": role, "content": content})
    return system, turns


class _Turn:
    """Blocks of one message, which `param` names."""

    def __init__(self, param: str, names: DocumentNames, *, foreign: bool) -> None:
        self._param = param
        self._names = names
        self._foreign = foreign

    def blocks(self, message: Message) -> Sequence[JsonValue]:
        beyond = {key: value for key, value in message.extras.items() if key != LAYOUT}
        if message.role != "tool":
            return [*self._arranged(message), *self._mark(beyond, self._param)]
        content = list(self._arranged(message))
        # A result holds no marks; behind it they mean the same.
        marks = [block for block in content if "cachePoint" in block]
        said: list[JsonValue] = [block for block in content if "cachePoint" not in block]
        result: _Json = {"toolUseId": tool_id(message.tool_call_id), "content": said}
        if message.failed:
            result["content"] = said or [{"text": "The tool failed."}]  # must have words
            result["status"] = "error"
        return [{"toolResult": result}, *(marks or self._mark(beyond, self._param))]

    def _arranged(self, message: Message) -> Iterator[_Json]:
        """Thoughts, content, calls; or in the order in which an Anthropic client sent them."""
        groups = (
            iter([_thought(each) for each in message.thoughts]),
            iter(self._content(message)),
            iter([[_call(each)] for each in message.tool_calls]),
        )
        for entry in [] if self._foreign else entries_in(message.extras):
            param = f"{self._param}.content[{entry.get('index')}]"
            kind = str(entry.get("type"))
            if kind not in _GROUPS:
                raise Inexpressible(f"Bedrock has no block `{kind[:40]}`.", param=f"{param}.type")
            yield from next(groups[_GROUPS[kind]], [])
            yield from self._mark(others_of(entry, "index", "type", "characters"), param)
        for group in groups:
            for blocks in group:
                yield from blocks

    def _content(self, message: Message) -> list[_Blocks]:
        parts = message.parts or (Text(message.text),)
        return [
            self._part(part, message, f"{self._param}.content[{place}]")
            for place, part in enumerate(parts)
        ]

    def _part(self, part: Part, message: Message, param: str) -> _Blocks:
        if isinstance(part, Text):
            # Blank texts are refused, and say nothing.
            said: _Blocks = [{"text": part.text}] if part.text.strip() else []
            return [*said, *self._mark(part.extras, param)] if said else said
        if message.role in _SYSTEM:
            raise Inexpressible("Bedrock's system prompt is text only.", param=param)
        extras = dict(part.extras)
        block = media_block(part, self._names, param)
        document = block.get("document")
        if isinstance(document, dict) and not self._foreign:
            document |= {key: extras.pop(key) for key in _OF_DOCUMENTS & extras.keys()}
        return [block, *self._mark(extras, param)]

    def _mark(self, extras: JsonObject, param: str) -> _Blocks:
        return cache_points(extras, param)


def cache_points(extras: JsonObject, param: str) -> _Blocks:
    """What to put behind a block that has these extras.

    `cache_control` is written so in every format; all else is refused.
    """
    for field in extras:
        if field != _CACHE_MARK:
            raise Inexpressible(f"Bedrock has no `{field}` here.", param=f"{param}.{field}")
    mark = extras.get(_CACHE_MARK)
    if mark is None:
        return []
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        raise Inexpressible("Bedrock keeps ephemeral caches only.", param=f"{param}.{_CACHE_MARK}")
    ttl: _Json = {"ttl": mark["ttl"]} if mark.get("ttl") else {}
    return [{"cachePoint": {"type": "default", **ttl}}]


def tool_id(given: str) -> str:
    """Ids of other providers may have a length or characters that Bedrock refuses."""
    if _ID.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode()).hexdigest()[:32]


def _thought(thought: Thought) -> _Blocks:
    """Only what its provider can recognise goes back: signed, or hidden."""
    blocks: _Blocks = []
    if thought.signature:
        told: _Json = {"text": thought.text, "signature": thought.signature}
        blocks.append({"reasoningContent": {"reasoningText": told}})
    if thought.hidden:
        blocks.append({"reasoningContent": {"redactedContent": thought.hidden}})
    return blocks


def _call(call: ToolCall) -> _Json:
    given = arguments_of(call.arguments)
    return {"toolUse": {"toolUseId": tool_id(call.id), "name": call.name, "input": given}}
