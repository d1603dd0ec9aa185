"""Requests of Cohere's chat, version 2 of its interface."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from passerelle.core.values.chat import (
    Dialect,
    Format,
    JsonValue,
    Media,
    Message,
    Options,
    Part,
    Text,
    Tool,
    ToolCall,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.data_urls import data_url
from passerelle.transport.wire.foreign import beside_name, names_of_calls, refuse_extras

_Json = dict[str, JsonValue]
_NAME: Final = "Cohere"
_MESSAGE: Final = "messages[]"
_PART: Final = "messages[].content[]"
_DETAIL: Final = "detail"
_TOP_K: Final = "top_k"
_THINKING: Final = "thinking"
_EFFORTS: Final[Mapping[str, JsonValue]] = {
    "none": {"type": "disabled"},
    "high": {"type": "enabled"},
}
"""As Cohere's own servers of Chat Completions understand an effort: there is no half."""
_CHOICES: Final = {"none": "NONE", "required": "REQUIRED", "named": "REQUIRED"}
_NAMES: Final[Mapping[tuple[str, Dialect], str]] = {
    ("effort", "chat"): "reasoning_effort",
    ("effort", "responses"): "reasoning.effort",
    ("effort", "messages"): "output_config.effort",
    ("parallel_tool_calls", "messages"): "tool_choice.disable_parallel_tool_use",
}
"""Fields that clients call otherwise than we."""
_encode = msgspec.json.Encoder().encode


def encode_request(call: ModelCall, *, stream: bool) -> bytes:
    """Raises `Inexpressible`, never drops a field."""
    body = _fields(call.options)
    body["model"] = call.model
    body["messages"] = [*_messages(call.messages)]
    body["stream"] = stream
    return _encode(body)


def _fields(options: Options) -> _Json:
    _refuse_what_is_unknown(options)
    given: _Json = {
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "p": options.top_p,
        "stop_sequences": list(options.stop) or None,
        "seed": options.seed,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
        "logprobs": options.logprobs or None,
        "tools": [_tool(tool, place) for place, tool in enumerate(_offered(options))] or None,
        "strict_tools": any(tool.strict for tool in options.tools) or None,
        "tool_choice": _CHOICES.get(options.tool_choice.mode) if options.tool_choice else None,
        "response_format": _format(options.format) if options.format is not None else None,
        "thinking": _thinking(options),
        "k": options.extras.get(_TOP_K),
    }
    return {name: value for name, value in given.items() if value is not None}


def _refuse_what_is_unknown(options: Options) -> None:
    asked = {
        "n": options.n != 1,
        "top_logprobs": bool(options.top_logprobs),
        "parallel_tool_calls": options.parallel_tool_calls is False and bool(options.tools),
    }
    for field, wanted in asked.items():
        if wanted:
            param = _NAMES.get((field, options.dialect), field)
            raise Inexpressible(f"{_NAME} has no `{param}`.", param=param)
    for field in options.extras:
        if field != _TOP_K and (field != _THINKING or options.dialect != "messages"):
            raise Inexpressible(f"{_NAME} has no `{field}`.", param=field)


def _thinking(options: Options) -> JsonValue:
    if options.effort:
        if options.effort not in _EFFORTS:
            param = _NAMES["effort", options.dialect]
            raise Inexpressible(f"{_NAME} knows the efforts `none` and `high` only.", param=param)
        return _EFFORTS[options.effort]
    match options.extras.get(_THINKING):
        case None:
            return None
        case {"type": "enabled", "budget_tokens": int(tokens), **others} if not others:
            return {"type": "enabled", "token_budget": tokens}
        case _:
            message = f"{_NAME} has no counterpart of all of it."
            raise Inexpressible(message, param=_THINKING)


def _offered(options: Options) -> tuple[Tool, ...]:
    """Where one tool must be called it is the only one that the model may know of."""
    choice = options.tool_choice
    if choice is None or choice.mode != "named":
        return options.tools
    named = tuple(tool for tool in options.tools if tool.name == choice.name)
    if not named:
        raise Inexpressible("It must be one of the tools.", param="tool_choice")
    return named


def _tool(tool: Tool, place: int) -> _Json:
    if tool.kind != "function":
        message = f"{_NAME} has no tool {tool.kind[:40]!r}."
        raise Inexpressible(message, param=f"tools[{place}].type")
    refuse_extras(tool.extras, of=_NAME, within=f"tools[{place}]")
    function: _Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _format(form: Format) -> _Json:
    if form.schema is None:
        return {"type": "json_object"}
    named = {"title": form.name, "description": form.description}
    schema = {key: value for key, value in named.items() if value} | dict(form.schema)
    return {"type": "json_object", "json_schema": schema}


def _messages(messages: Iterable[Message]) -> Iterator[_Json]:
    names: dict[str, str] = {}
    for message in messages:
        yield _message(message, names)
        names |= names_of_calls(message)


def _message(message: Message, names: Mapping[str, str]) -> _Json:
    if message.role == "tool":
        return _result(message, names.get(message.tool_call_id))
    refuse_extras(message.extras, of=_NAME, within=_MESSAGE)
    if message.role == "assistant":
        return _answer(message)
    role = "user" if message.role == "user" else "system"
    content: JsonValue = [*_parts(message)] if message.parts else message.text
    return {"role": role, "content": content}


def _parts(message: Message) -> Iterator[_Json]:
    for part in message.parts:
        yield _part(part)


def _part(part: Part) -> _Json:
    if isinstance(part, Text):
        refuse_extras(part.extras, of=_NAME, within=_PART)
        return {"type": "text", "text": part.text}
    if part.kind != "image":
        raise Inexpressible(f"{_NAME} reads texts and images only.", param=_PART)
    refuse_extras(part.extras, _DETAIL, of=_NAME, within=_PART)
    image: _Json = {"url": part.url or data_url(part.media_type, part.data)}
    if _DETAIL in part.extras:
        image[_DETAIL] = part.extras[_DETAIL]
    return {"type": "image_url", "image_url": image}


def _answer(message: Message) -> _Json:
    """Signatures are for their makers alone."""
    if any(thought.hidden for thought in message.thoughts):
        param = f"{_MESSAGE}.reasoning_details"
        raise Inexpressible(f"{_NAME} cannot read a hidden thought of another.", param=param)
    thought = "".join(each.text for each in message.thoughts)
    said: list[JsonValue] = [*_parts(message)]
    if not said and message.text:
        said.append({"type": "text", "text": message.text})
    written: _Json = {"role": "assistant"}
    if message.tool_calls:
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
        written |= {"tool_plan": thought} if thought else {}
    elif thought:
        said.insert(0, {"type": "thinking", "thinking": thought})
    if said or not message.tool_calls:
        written["content"] = said if message.parts or thought else message.text
    return written


def _call(call: ToolCall) -> _Json:
    function: _Json = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _result(message: Message, name: str | None) -> _Json:
    """Of a tool. That it failed can be said in its text only."""
    refuse_extras(beside_name(message, name), of=_NAME, within=_MESSAGE)
    if any(isinstance(part, Media) for part in message.parts):
        raise Inexpressible(f"{_NAME}'s tools answer with text only.", param=_PART)
    text = f"Error: {message.text}" if message.failed else message.text
    return {"role": "tool", "tool_call_id": message.tool_call_id, "content": text}
