"""Requests of Chat Completions, both directions."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, cast

import msgspec

from passerelle.core.values.chat import ChatRequest, JsonValue, Message
from passerelle.core.values.errors import InvalidRequest
from passerelle.transport.wire.bodies import InvalidField, converted, decode_object


class UnsupportedField(InvalidRequest):
    """The request asks for something that is not supported here."""

    code = "unsupported_value"


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


MOST_MESSAGES: Final = 2_048
"""As OpenAI: a hundred thousand tiny messages would hold up everybody else."""


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[_Part], msgspec.Meta(min_length=1)] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_Tokens = Annotated[int, msgspec.Meta(ge=1)]


class _Request(msgspec.Struct):
    model: Annotated[str, msgspec.Meta(min_length=1)]
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    user: str | None = None


_KNOWN: Final = frozenset(_Request.__struct_fields__)
_MESSAGE: Final = frozenset(_Message.__struct_fields__)
_PART: Final = frozenset(_Part.__struct_fields__)
_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode


def decode_request(body: bytes) -> ChatRequest:
    """Raises kin of `InvalidRequest` that name the parameter."""
    # Decoded once without a type, so that no unknown field is lost, then checked in C.
    raw = decode_object(body)
    request = converted(raw, _Request)
    return _chat_request(request, raw)


def _chat_request(request: _Request, raw: _Json) -> ChatRequest:
    if request.n is not None and request.n != 1:
        raise UnsupportedField("Only one answer per request: send `n` requests.", param="n")
    for place, message in enumerate(request.messages):
        # Only a model may say nothing, when it calls tools instead.
        if message.content is None and message.role != "assistant":
            param = f"messages[{place}].content"
            raise InvalidField(f"`{param}` is missing.", param=param)
    extras: _Json = {key: raw[key] for key in raw if key not in _KNOWN}
    options = request.stream_options
    if options is not None:
        if not request.stream:
            raise InvalidField("It needs `stream` to be true.", param="stream_options")
        others = cast("_Json", raw["stream_options"]).keys() - {"include_usage"}
        if others:
            given = cast("_Json", raw["stream_options"])
            extras["stream_options"] = {key: given[key] for key in sorted(others)}
    return ChatRequest(
        model=request.model,
        messages=tuple(map(_message, request.messages, cast("list[_Json]", raw["messages"]))),
        stream=bool(request.stream),
        include_usage=bool(options is not None and options.include_usage),
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        end_user=request.user or "",
        extras=extras,
    )


def _message(message: _Message, raw: _Json) -> Message:
    extras: _Json = {}
    if raw.keys() - _MESSAGE:
        extras = {key: raw[key] for key in raw if key not in _MESSAGE}
    content = message.content
    if isinstance(content, str):
        return Message(message.role, content, extras)
    if content is None:
        return Message(message.role, "", extras)
    beside = _beside_text(cast("list[_Json]", raw["content"]))
    if beside:
        extras["content"] = beside
    text = "\n".join(part.text for part in content if part.type == "text" and part.text)
    return Message(message.role, text, extras)


def _beside_text(parts: list[_Json]) -> list[JsonValue]:
    """Parts that are more than text, with their text taken out: it is in `Message.text`.

    The text must stand in one place only, or a redacted text would travel beside its original.
    """
    return [
        {key: part[key] for key in part if key != "text"}
        for part in parts
        if part["type"] != "text" or part.keys() - _PART
    ]


def encode_request(
    model: str,
    messages: Iterable[Message],
    *,
    stream: bool,
    include_usage: bool,
    limit: tuple[str, int] | None,
    temperature: float | None,
    extras: Mapping[str, JsonValue],
) -> bytes:
    """A request for an upstream. `limit` is the name of the field for the most tokens, and they."""
    body: _Json = dict(extras)
    options = body.pop("stream_options", None)
    body["model"] = model
    body["messages"] = [_upstream_message(message) for message in messages]
    if stream:
        body["stream"] = True
        wanted: _Json = dict(options) if isinstance(options, dict) else {}
        if include_usage:
            wanted["include_usage"] = True
        if wanted:
            body["stream_options"] = wanted
    if limit is not None:
        body[limit[0]] = limit[1]
    if temperature is not None:
        body["temperature"] = temperature
    return _encode(body)


def _upstream_message(message: Message) -> _Json:
    if not message.extras:
        return {"role": message.role, "content": message.text}
    raw: _Json = dict(message.extras)
    raw["role"] = message.role
    beside = raw.pop("content", None)
    if isinstance(beside, list):
        raw["content"] = _with_text(message.text, beside)
    elif not message.text and "tool_calls" in raw:
        raw["content"] = None
    else:
        raw["content"] = message.text
    return raw


def _with_text(text: str, beside: list[JsonValue]) -> list[JsonValue]:
    """Text first, then what stood beside it; options of text parts go to the one text part."""
    whole: _Json = {"type": "text", "text": text}
    others: list[JsonValue] = []
    for part in beside:
        if isinstance(part, dict) and part.get("type") == "text":
            whole |= part
        else:
            others.append(part)
    return [whole, *others] if text else others
