"""Requests of Anthropic Messages, as clients send them."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, cast

import msgspec

from passerelle.core.values.chat import ChatRequest, JsonValue, Message, Options
from passerelle.transport.wire.anthropic_blocks import Turn, read
from passerelle.transport.wire.anthropic_layout import RESULT, others_of
from passerelle.transport.wire.anthropic_options import MessagesOptions, options_of
from passerelle.transport.wire.bodies import InvalidField, converted, decode_object

_Json = dict[str, JsonValue]
_Blocks = list[dict[str, object]]

MOST_MESSAGES: Final = 2_048
"""As for Chat Completions: guards read them one by one."""


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | _Blocks


class _Request(MessagesOptions, kw_only=True):
    model: Annotated[str, msgspec.Meta(min_length=1)]
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)]
    system: str | _Blocks | None = None
    stream: bool | None = None


class _Result(msgspec.Struct):
    tool_use_id: Annotated[str, msgspec.Meta(min_length=1)]
    content: str | _Blocks | None = None
    is_error: bool | None = None


_KNOWN: Final = frozenset(_Request.__struct_fields__)
_RESULT: Final = ("type", *_Result.__struct_fields__)


def decode_request(body: bytes) -> ChatRequest:
    """Raises kin of `InvalidRequest` that name the parameter."""
    request = decode_countable(body)
    if request.options.max_tokens is None:
        raise InvalidField("`max_tokens` is missing.", param="max_tokens")
    return request


def decode_countable(body: bytes) -> ChatRequest:
    """A request whose tokens are only counted; it says nothing of the answer's length."""
    # Decoded once without a type, so that no unknown field is lost, then checked in C.
    raw = decode_object(body)
    request = converted(raw, _Request)
    user = request.metadata.user_id if request.metadata is not None else None
    return ChatRequest(
        model=request.model,
        messages=(*_system(request, raw), *_messages(request, raw)),
        stream=bool(request.stream),
        end_user=user or "",
        options=_options(request, raw),
    )


def _options(request: _Request, raw: _Json) -> Options:
    # A null says what absence says.
    extras = {key: raw[key] for key in raw if key not in _KNOWN and raw[key] is not None}
    if extras.get("service_tier") == "auto":
        del extras["service_tier"]
    return options_of(request, raw, extras)


def _system(request: _Request, raw: _Json) -> Iterator[Message]:
    if isinstance(request.system, str):
        yield Message("system", request.system)
    elif request.system:
        yield _turn(raw["system"], "system").message("system")


def _messages(request: _Request, raw: _Json) -> Iterator[Message]:
    given = cast("list[_Json]", raw["messages"])
    for place, message in enumerate(request.messages):
        if isinstance(message.content, str):
            yield Message(message.role, message.content)
        elif message.role == "user":
            yield from _user(given[place]["content"], f"messages[{place}].content")
        else:
            turn = _turn(given[place]["content"], f"messages[{place}].content")
            yield turn.message(message.role)


def _turn(raw: JsonValue, param: str) -> Turn:
    turn = Turn()
    for place, block in enumerate(cast("list[_Json]", raw)):
        turn.take(block, f"{param}[{place}]")
    return turn


def _user(raw: JsonValue, param: str) -> Iterator[Message]:
    """Each tool result is a message of its own; the order stays."""
    blocks = cast("list[_Json]", raw)
    turn, blank = Turn(), True
    for place, block in enumerate(blocks):
        if block.get("type") == RESULT:
            if not blank:
                yield turn.message("user")
            yield _result(block, f"{param}[{place}]")
            turn, blank = Turn(), True
        else:
            turn.take(block, f"{param}[{place}]")
            blank = False
    if not blank or not blocks:
        yield turn.message("user")


def _result(raw: _Json, param: str) -> Message:
    result = read(raw, _Result, param)
    content, extras = result.content, others_of(raw, *_RESULT)
    text = content if isinstance(content, str) else ""
    told = Message("tool", text)
    if content and not isinstance(content, str):
        told = _turn(raw["content"], f"{param}.content").message("tool")
    return Message(
        "tool",
        told.text,
        told.parts,
        tool_call_id=result.tool_use_id,
        failed=bool(result.is_error),
        extras={**extras, **told.extras},
    )
