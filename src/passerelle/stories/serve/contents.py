"""Turns and answers as the content of an exchange keeps them, and back without loss.

A plain turn is `role` and `text`. Any other field stands there only where it says
something, so that who reads only the text of a conversation need not know the rest.
"""

from typing import Literal, cast

import msgspec

from passerelle.core.values.chat import (
    Choice,
    FinishReason,
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

_Json = dict[str, JsonValue]
_Extras = dict[str, object]


class _Text(msgspec.Struct, tag="text", omit_defaults=True):
    text: str
    extras: _Extras = {}


class _Media(msgspec.Struct, tag="media", omit_defaults=True):
    kind: Literal["image", "audio", "file"]
    data: str = ""
    url: str = ""
    media_type: str = ""
    name: str = ""
    extras: _Extras = {}


class _Turn(msgspec.Struct, omit_defaults=True):
    role: Role
    text: str
    parts: tuple[_Text | _Media, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    failed: bool = False
    thoughts: tuple[Thought, ...] = ()
    extras: _Extras = {}


class _Answer(msgspec.Struct, omit_defaults=True):
    text: str
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    refusal: str = ""
    logprobs: object = None
    extras: _Extras = {}


def message_content(message: Message) -> _Json:
    """Always with `role` and `text`."""
    turn = _Turn(
        role=message.role,
        text=message.text,
        parts=tuple(map(_part_content, message.parts)),
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        failed=message.failed,
        thoughts=message.thoughts,
        extras=dict(message.extras),
    )
    return cast("_Json", msgspec.to_builtins(turn))


def message_of(content: JsonValue) -> Message:
    """Raises `msgspec.ValidationError` when it is not what `message_content` wrote."""
    turn = msgspec.convert(content, _Turn)
    return Message(
        role=turn.role,
        text=turn.text,
        parts=tuple(map(_part_of, turn.parts)),
        tool_calls=turn.tool_calls,
        tool_call_id=turn.tool_call_id,
        failed=turn.failed,
        thoughts=turn.thoughts,
        extras=cast("JsonObject", turn.extras),
    )


def choice_content(choice: Choice) -> _Json:
    """Always with `text` and `finish_reason`."""
    answer = _Answer(
        text=choice.text,
        finish_reason=choice.finish_reason,
        tool_calls=choice.tool_calls,
        thoughts=choice.thoughts,
        refusal=choice.refusal,
        logprobs=choice.logprobs,
        extras=dict(choice.extras),
    )
    return cast("_Json", msgspec.to_builtins(answer))


def choice_of(content: JsonValue) -> Choice:
    """Raises `msgspec.ValidationError` when it is not what `choice_content` wrote."""
    answer = msgspec.convert(content, _Answer)
    return Choice(
        text=answer.text,
        finish_reason=answer.finish_reason,
        tool_calls=answer.tool_calls,
        thoughts=answer.thoughts,
        refusal=answer.refusal,
        logprobs=cast("JsonValue", answer.logprobs),
        extras=cast("JsonObject", answer.extras),
    )


def _part_content(part: Part) -> _Text | _Media:
    if isinstance(part, Text):
        return _Text(part.text, dict(part.extras))
    return _Media(
        kind=part.kind,
        data=part.data,
        url=part.url,
        media_type=part.media_type,
        name=part.name,
        extras=dict(part.extras),
    )


def _part_of(part: _Text | _Media) -> Part:
    extras = cast("JsonObject", part.extras)
    if isinstance(part, _Text):
        return Text(part.text, extras)
    return Media(
        kind=part.kind,
        data=part.data,
        url=part.url,
        media_type=part.media_type,
        name=part.name,
        extras=extras,
    )
