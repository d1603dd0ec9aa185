"""Conversations as Gemini reads them: instructions, and turns of user and model."""

from collections.abc import Iterator, Mapping
from mimetypes import MimeTypes
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonValue, Media, Message, Part, Text, ToolCall
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.foreign import beside_name, names_of_calls, refuse_extras
from passerelle.transport.wire.gemini_extras import EXTRAS, parts_in
from passerelle.transport.wire.gemini_models import needs_signatures

_Json = dict[str, JsonValue]
_SYSTEM: Final = frozenset({"system", "developer"})
_NAME: Final = "Gemini"
_UNSIGNED: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""By this Google lets calls pass that another wrote, or whose signature a client lost."""
_DETAIL: Final = "detail"
_RESOLUTIONS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
_TYPES: Final = MimeTypes()
"""The built-in ones, whatever the machine has."""
_decode = msgspec.json.Decoder().decode


def conversation(call: ModelCall) -> _Json:
    """`systemInstruction` and `contents`. Raises `Inexpressible`.

    Instructions in the middle of a conversation go to its start.
    """
    system: list[JsonValue] = []
    contents: list[JsonValue] = []
    names: dict[str, str] = {}
    results: list[JsonValue] | None = None
    signs = needs_signatures(call.model)
    for message in call.messages:
        if message.role in _SYSTEM:
            system += _instructions(message)
        elif message.role == "tool":
            if results is None:  # results of parallel calls are one turn
                results = []
                contents.append({"role": "user", "parts": results})
            results.append(_result(message, names))
        else:
            results = None
            names |= names_of_calls(message)
            role = "model" if message.role == "assistant" else "user"
            parts = _model_parts(message, signs=signs) if role == "model" else _parts(message)
            contents.append({"role": role, "parts": [*parts]})
    body: _Json = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    return body


def resolution(call: ModelCall) -> _Json:
    """Of all images of a request, for the generation's configuration. Raises `Inexpressible`."""
    details = {
        str(part.extras[_DETAIL])
        for message in call.messages
        for part in message.parts
        if _DETAIL in part.extras
    }
    if not details:
        return {}
    told = _RESOLUTIONS.get(details.pop())
    if details or told is None:
        param = "messages[].content[].image_url.detail"
        raise Inexpressible("It is `low` or `high` for all images of a request.", param=param)
    return {"mediaResolution": told}


def _instructions(message: Message) -> Iterator[JsonValue]:
    for part in _parts(message):
        if "text" not in part:
            raise Inexpressible("Gemini's instructions are text.", param="messages[].content[]")
        yield part


def _parts(message: Message) -> Iterator[_Json]:
    refuse_extras(message.extras, of=_NAME, within="messages[]")
    if not message.parts:
        yield {"text": message.text}
    for part in message.parts:
        yield _part(part)


def _part(part: Part) -> _Json:
    if isinstance(part, Text):
        refuse_extras(part.extras, of=_NAME, within="messages[].content[]")
        return {"text": part.text}
    refuse_extras(part.extras, _DETAIL, of=_NAME, within="messages[].content[]")
    return _media(part)


def _media(part: Media) -> _Json:
    """Of a name only the kind of the file is read."""
    kind = part.media_type or _TYPES.guess_type(part.name or part.url.partition("?")[0])[0]
    if part.url:
        described: _Json = {"fileUri": part.url}
        return {"fileData": described | ({"mimeType": kind} if kind else {})}
    if not kind:
        param = "messages[].content[]"
        raise Inexpressible("Gemini must be told the media type of data.", param=param)
    return {"inlineData": {"mimeType": kind, "data": part.data}}


def _model_parts(message: Message, *, signs: bool) -> Iterator[_Json]:
    """Thoughts, what only Gemini knows, text, calls."""
    refuse_extras(message.extras, EXTRAS, of=_NAME, within="messages[]")
    for thought in message.thoughts:
        if thought.hidden:
            param = "messages[].reasoning_details"
            raise Inexpressible("Gemini cannot read a hidden thought of another.", param=param)
        if thought.text:
            yield {"text": thought.text, "thought": True}
    yield from parts_in(message.extras)
    yield from _said(message)
    for place, call in enumerate(message.tool_calls):
        written: _Json = {"functionCall": {"id": call.id, "name": call.name, "args": _args(call)}}
        signature = call.signature or (_UNSIGNED if signs and place == 0 else "")
        yield written | ({"thoughtSignature": signature} if signature else {})


def _said(message: Message) -> list[_Json]:
    """The text. A thought's signature stands on what came of it."""
    said = [_part(each) for each in message.parts]
    if not said and (message.text or not message.tool_calls):
        said.append({"text": message.text})
    signatures = [thought.signature for thought in message.thoughts if thought.signature]
    said += [{"text": ""} for _ in signatures[len(said) :]]
    for part, signature in zip(reversed(said), reversed(signatures), strict=False):
        part["thoughtSignature"] = signature
    return said


def _args(call: ToolCall) -> JsonValue:
    try:
        given = _decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        param = "messages[].tool_calls[].function.arguments"
        raise Inexpressible("Gemini's calls have an object as arguments.", param=param)
    return given


def _result(message: Message, names: Mapping[str, str]) -> _Json:
    """Of a tool; the text is its output, or its error."""
    name = names.get(message.tool_call_id)
    if name is None:
        param = "messages[].tool_call_id"
        raise Inexpressible("It answers no call of this conversation.", param=param)
    refuse_extras(beside_name(message, name), of=_NAME, within="messages[]")
    kind = "error" if message.failed else "output"
    written: _Json = {
        "id": message.tool_call_id,
        "name": name,
        "response": {kind: message.text},
    }
    media = [_part(part) for part in message.parts if isinstance(part, Media)]
    return {"functionResponse": written | ({"parts": [*media]} if media else {})}
