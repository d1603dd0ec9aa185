"""Calls of a provider that is itself asked by the Responses API.

Nothing is stored there: every call carries its conversation, and what the model thought goes
back encrypted. Thoughts of other providers are left out, since nobody else can read them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from passerelle.core.values.chat import (
    Format,
    JsonObject,
    JsonValue,
    Message,
    Options,
    Tool,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.openai_responses_items import items_of
from passerelle.transport.wire.openai_responses_options import LOGPROBS
from passerelle.transport.wire.openai_responses_thoughts import own_id

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode
_ENCRYPTED: Final = "reasoning.encrypted_content"
_OUR_FIELDS: Final = frozenset({"model", "input", "stream", "store"})
_NESTED: Final = ("text", "reasoning")
"""Fields that are objects of which we write a part."""
_CACHE_MARK: Final = "cache_control"
"""What other formats mark goes without it: caches change no answer."""
_SHARED: Final = frozenset({"detail"})
"""Fields of parts that every format of OpenAI writes so."""
_UNNAMED: Final = "answer"


def encode_call(call: ModelCall, *, stream: bool) -> bytes:
    """Raises `Inexpressible`, which names the field."""
    options = call.options
    _refuse_what_has_no_counterpart(options)
    foreign = options.dialect != "responses"
    body: _Json = {
        "model": call.model,
        "input": [item for message in call.messages for item in _items(message, foreign=foreign)],
        "store": False,
        "stream": stream,
        **_options(options),
    }
    if options.tools:
        body["tools"] = [_tool(tool, foreign=foreign) for tool in options.tools]
    return _encode(_with_extras(body, options))


def _refuse_what_has_no_counterpart(options: Options) -> None:
    given = {
        "n": options.n != 1,
        "stop": bool(options.stop),
        "seed": options.seed is not None,
        "presence_penalty": options.presence_penalty is not None,
        "frequency_penalty": options.frequency_penalty is not None,
    }
    for param, asked in given.items():
        if asked:
            raise Inexpressible(f"The Responses API has no `{param}`.", param=param)


def _options(options: Options) -> _Json:
    include: list[JsonValue] = [_ENCRYPTED]
    if options.logprobs:
        include.append(LOGPROBS)
    told: _Json = {
        "include": include,
        "max_output_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_logprobs": options.top_logprobs,
        "parallel_tool_calls": options.parallel_tool_calls,
        "tool_choice": _tool_choice(options.tool_choice),
        "text": {"format": _format(options.format)} if options.format else None,
        "reasoning": {"effort": options.effort} if options.effort else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _with_extras(body: _Json, options: Options) -> _Json:
    if options.extras and options.dialect != "responses":
        param = min(options.extras)
        raise Inexpressible(f"The Responses API has no `{param}`.", param=param)
    for name, value in options.extras.items():
        before = body.get(name)
        if name in _NESTED and isinstance(before, dict) and isinstance(value, Mapping):
            body[name] = {**value, **before}
        elif name == "include" and isinstance(before, list) and isinstance(value, list):
            body[name] = [*before, *value]
        elif name not in _OUR_FIELDS:
            body[name] = value
    return body


def _tool_choice(choice: ToolChoice | None) -> JsonValue:
    if choice is None:
        return None
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _format(wanted: Format) -> _Json:
    if wanted.schema is None:
        return {"type": "json_object"}
    told: _Json = {
        "type": "json_schema",
        "name": wanted.name or _UNNAMED,
        "schema": dict(wanted.schema),
        "strict": bool(wanted.strict),
    }
    return {**told, "description": wanted.description} if wanted.description else told


def _tool(tool: Tool, *, foreign: bool) -> _Json:
    extras = _passable(tool.extras, "tools", foreign=foreign) if tool.kind == "function" else {}
    if tool.kind != "function":
        if foreign:
            raise Inexpressible(f"It has no tool {tool.kind[:40]!r}.", param="tools")
        return dict(tool.extras)
    # What is left out is strict there, as it is in no other format.
    strict = tool.strict if tool.strict is not None or not foreign else False
    told: _Json = {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
        "strict": strict,
    }
    return {**{key: value for key, value in told.items() if value is not None}, **extras}


def _items(message: Message, *, foreign: bool) -> Iterator[_Json]:
    parts = tuple(
        replace(part, extras=_passable(part.extras, "messages", foreign=foreign, shared=_SHARED))
        for part in message.parts
    )
    ours = replace(
        message,
        parts=parts,
        thoughts=tuple(thought for thought in message.thoughts if own_id(thought)),
        tool_calls=tuple(replace(call, signature="") for call in message.tool_calls),
        extras=_passable(message.extras, "messages", foreign=foreign),
    )
    if not (ours.text or ours.parts or ours.tool_calls or ours.thoughts or ours.extras):
        return
    for item in items_of(ours):
        plain = item.get("type") == "message" and not ours.parts
        yield {**item, "content": ours.text} if plain else item


def _passable(
    extras: JsonObject, param: str, *, foreign: bool, shared: frozenset[str] = frozenset()
) -> _Json:
    passed = {key: value for key, value in extras.items() if key != _CACHE_MARK}
    if foreign and (unknown := passed.keys() - shared):
        raise Inexpressible(f"The Responses API has no `{min(unknown)[:40]}`.", param=param)
    return passed
