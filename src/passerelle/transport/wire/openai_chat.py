"""Requests of Chat Completions, as clients send them."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, cast

import msgspec

from passerelle.core.values.chat import (
    NO_OPTIONS,
    ChatRequest,
    JsonValue,
    Message,
    Options,
    ToolCall,
)
from passerelle.transport.wire.bodies import (
    InvalidField,
    UnsupportedField,
    converted,
    decode_object,
)
from passerelle.transport.wire.openai_options import ChatOptions, options_of
from passerelle.transport.wire.openai_parts import AnyPart, parts_of, plain, text_of
from passerelle.transport.wire.openai_thoughts import DETAILS_FIELD, parted_details, thoughts_in

_Json = dict[str, JsonValue]
MOST_MESSAGES: Final = 2_048
"""As OpenAI: a hundred thousand tiny messages would hold up everybody else."""


class _Function(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: str = ""


class _Google(msgspec.Struct):
    thought_signature: str | None = None


class _CallExtras(msgspec.Struct):
    google: _Google | None = None


class _Call(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    function: _Function
    type: str = "function"
    extra_content: _CallExtras | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[AnyPart], msgspec.Meta(min_length=1)] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class _Request(ChatOptions, kw_only=True):
    model: Annotated[str, msgspec.Meta(min_length=1)]
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    user: str | None = None


_PLAIN: Final = frozenset({"model", "messages", "stream", "stream_options", "user"})
_KNOWN: Final = frozenset(_Request.__struct_fields__)
_MESSAGE: Final = frozenset({*_Message.__struct_fields__, DETAILS_FIELD})
_PLAIN_MESSAGE: Final = 2
"""A message of role and content only."""


def decode_request(body: bytes) -> ChatRequest:
    """Raises kin of `InvalidRequest` that name the parameter."""
    # Decoded once without a type, so that no unknown field is lost, then checked in C.
    raw = decode_object(body)
    request = converted(raw, _Request)
    given = cast("list[_Json]", raw["messages"])
    return ChatRequest(
        model=request.model,
        messages=tuple(
            [_message(place, each, given[place]) for place, each in enumerate(request.messages)]
        ),
        stream=bool(request.stream),
        include_usage=_includes_usage(request),
        end_user=request.user or "",
        options=NO_OPTIONS if _is_plain(raw) else _options(request, raw),
    )


def _is_plain(raw: _Json) -> bool:
    if not raw.keys() <= _PLAIN:
        return False
    streaming = raw.get("stream_options")
    return not isinstance(streaming, dict) or streaming.keys() <= {"include_usage"}


def _includes_usage(request: _Request) -> bool:
    options = request.stream_options
    if options is None:
        return False
    if not request.stream:
        raise InvalidField("It needs `stream` to be true.", param="stream_options")
    return bool(options.include_usage)


def _options(request: _Request, raw: _Json) -> Options:
    # A null says what absence says.
    extras = {key: raw[key] for key in raw if key not in _KNOWN and raw[key] is not None}
    options = options_of(request, raw, extras)
    return NO_OPTIONS if options == NO_OPTIONS else options


def _message(place: int, message: _Message, raw: _Json) -> Message:
    content = message.content
    if isinstance(content, str) and len(raw) == _PLAIN_MESSAGE:
        if message.role == "tool":
            raise _missing(place, "tool_call_id")
        return Message(message.role, content)
    if message.role == "tool" and not message.tool_call_id:
        raise _missing(place, "tool_call_id")
    # Only a model may say nothing, when it calls tools instead.
    if content is None and message.role != "assistant":
        raise _missing(place, "content")
    return _rich_message(place, message, raw)


def _rich_message(place: int, message: _Message, raw: _Json) -> Message:
    content, extras = message.content, _uninterpreted(raw)
    details = raw.get(DETAILS_FIELD)
    if others := parted_details(details)[1]:
        extras[DETAILS_FIELD] = others
    parts = parts_of(content, raw["content"], place) if isinstance(content, list) else ()
    text = content if isinstance(content, str) else text_of(parts)
    if message.refusal and content is None:
        text = message.refusal
    elif message.refusal:
        extras["refusal"] = message.refusal
    return Message(
        message.role,
        text,
        plain(parts),
        _tool_calls(place, message.tool_calls or ()),
        message.tool_call_id or "",
        thoughts=thoughts_in(_thought(message), details),
        extras=extras,
    )


def _uninterpreted(raw: _Json) -> _Json:
    """SDKs send a model's message back with null and empty fields, which say nothing."""
    return {
        key: value
        for key, value in raw.items()
        if key not in _MESSAGE and value is not None and value != []
    }


def _thought(message: _Message) -> str:
    return message.reasoning_content or message.reasoning or ""


def _tool_calls(place: int, calls: Sequence[_Call]) -> tuple[ToolCall, ...]:
    for number, call in enumerate(calls):
        if call.type != "function":
            param = f"messages[{place}].tool_calls[{number}].type"
            raise UnsupportedField("Only functions can be called.", param=param)
    return tuple(
        ToolCall(
            call.id,
            call.function.name,
            call.function.arguments or "{}",
            _signature(call.extra_content),
        )
        for call in calls
    )


def _signature(extras: _CallExtras | None) -> str:
    google = extras.google if extras is not None else None
    return (google.thought_signature if google is not None else None) or ""


def _missing(place: int, field: str) -> InvalidField:
    param = f"messages[{place}].{field}"
    return InvalidField(f"`{param}` is missing.", param=param)
