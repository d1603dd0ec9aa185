"""Requests of OpenAI's Responses API."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, cast

import msgspec

from passerelle.core.values.chat import ChatRequest, JsonObject, JsonValue, Message
from passerelle.transport.wire.bodies import (
    InvalidField,
    UnsupportedField,
    converted,
    decode_object,
)
from passerelle.transport.wire.openai_responses_items import decode_items
from passerelle.transport.wire.openai_responses_options import RawOptions, echo_of, options_of

_Json = dict[str, JsonValue]

MOST_ITEMS: Final = 2_048
"""As many as Chat Completions takes messages: guards read them one by one."""
_Key = Annotated[str, msgspec.Meta(max_length=64)]
_Value = Annotated[str, msgspec.Meta(max_length=512)]


class _StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None


class _Request(RawOptions, kw_only=True):
    model: Annotated[str, msgspec.Meta(min_length=1)]
    input: str | Annotated[list[dict[str, object]], msgspec.Meta(max_length=MOST_ITEMS)] | None = (
        None
    )
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    metadata: Annotated[dict[_Key, _Value], msgspec.Meta(max_length=16)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    background: bool | None = None


_KNOWN: Final = frozenset(_Request.__struct_fields__)
_ELSEWHERE: Final = {
    "conversation": "Conversations are not kept here: continue with `previous_response_id`.",
    "prompt": "Prompts belong to the use case here: the model's name chooses them.",
}


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A conversation, and what only the Responses API says about it."""

    chat: ChatRequest
    instructions: str = ""
    """The first message of the conversation; a later response does not take them over."""
    previous_response_id: str = ""
    """What was said before stands there; see `after`."""
    store: bool = True
    """May the response be retrieved and continued later?"""
    echo: JsonObject = field(default_factory=dict)
    """The request's parameters as its response repeats them."""

    def after(self, earlier: tuple[Message, ...]) -> "ResponsesRequest":
        """The same request as the next turn of a conversation."""
        start = self.instructed
        messages = self.chat.messages
        joined = (*messages[:start], *earlier, *messages[start:])
        if len(joined) > MOST_ITEMS:
            raise InvalidField(
                f"The conversation has more than {MOST_ITEMS} messages.",
                param="previous_response_id",
            )
        return replace(self, chat=replace(self.chat, messages=joined))

    @property
    def instructed(self) -> int:
        """How many messages at the start are instructions: one or none."""
        return 1 if self.instructions else 0


def decode_request(body: bytes) -> ResponsesRequest:
    """Raises kin of `InvalidRequest` that name the parameter."""
    # Decoded once without a type, so that no unknown field is lost, then checked in C.
    raw = decode_object(body)
    request = converted(raw, _Request)
    _refuse_what_is_elsewhere(request, raw)
    messages = _messages(request)
    if not messages and not request.previous_response_id:
        raise InvalidField("`input` is missing.", param="input")
    instructions = (Message("system", request.instructions),) if request.instructions else ()
    chat = ChatRequest(
        model=request.model,
        messages=(*instructions, *messages),
        stream=bool(request.stream),
        end_user=request.safety_identifier or request.user or "",
        options=options_of(request, raw, _unknown(request, raw)),
    )
    return ResponsesRequest(
        chat=chat,
        instructions=request.instructions or "",
        previous_response_id=request.previous_response_id or "",
        store=request.store is not False,
        echo=_echo(request, raw),
    )


def _messages(request: _Request) -> tuple[Message, ...]:
    if isinstance(request.input, str):
        return (Message("user", request.input),)
    return decode_items(cast("list[_Json]", request.input or []))


def _refuse_what_is_elsewhere(request: _Request, raw: _Json) -> None:
    for param, why in _ELSEWHERE.items():
        if raw.get(param) is not None:
            raise UnsupportedField(why, param=param)
    if request.background:
        raise UnsupportedField("A response is made while its client waits.", param="background")
    options = request.stream_options
    if options is not None and not request.stream:
        raise InvalidField("It needs `stream` to be true.", param="stream_options")
    if options is not None and options.include_obfuscation:
        raise UnsupportedField(
            "Streams are not padded.", param="stream_options.include_obfuscation"
        )


def _unknown(request: _Request, raw: _Json) -> _Json:
    unknown = {
        key: raw[key]
        for key in raw
        if key not in _KNOWN and key not in _ELSEWHERE and raw[key] is not None
    }
    if unknown.get("service_tier") == "auto":
        del unknown["service_tier"]
    if request.user and request.safety_identifier:
        unknown["user"] = request.user
    return unknown


def _echo(request: _Request, raw: _Json) -> _Json:
    echo = echo_of(raw)
    echo |= {
        "background": False,
        "instructions": request.instructions,
        "metadata": raw.get("metadata") or {},
        "previous_response_id": request.previous_response_id,
        "store": request.store is not False,
    }
    given = ("max_tool_calls", "prompt_cache_key", "safety_identifier", "service_tier", "user")
    return echo | {name: raw[name] for name in given if raw.get(name) is not None}


PERSONAL: Final = frozenset({"instructions", "safety_identifier", "user"})
"""Parameters that are not kept as they came: guards rewrite some, and of persons we keep none."""


def kept_echo(echo: Mapping[str, JsonValue]) -> _Json:
    """The parameters as they are kept with the content of an exchange."""
    return {name: echo[name] for name in echo if name not in PERSONAL}
