"""Requests of generateContent, as Gemini and Vertex AI get them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec

from passerelle.core.values.chat import (
    Dialect,
    Format,
    JsonValue,
    Options,
    Tool,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.foreign import refuse_extras
from passerelle.transport.wire.gemini_models import thinking_config, thinking_told
from passerelle.transport.wire.gemini_turns import conversation, resolution

_Json = dict[str, JsonValue]
_SEEDS: Final = range(-(2**31), 2**31)
_AUTO: Final = "AUTO"
_MODES: Final = {"auto": _AUTO, "none": "NONE", "required": "ANY", "named": "ANY"}
_STRICT_MODE: Final = "VALIDATED"
"""As AUTO, and calls fit their schema."""
_TOP_K: Final = "top_k"
_TOOL_CHOICE: Final = "tool_choice"
_THINKING: Final = "thinking"
_OWN_TOOLS: Final = frozenset(
    {
        "codeExecution",
        "computerUse",
        "enterpriseWebSearch",
        "fileSearch",
        "googleMaps",
        "googleSearch",
        "googleSearchRetrieval",
        "retrieval",
        "urlContext",
    }
)
"""Tools that Google runs, asked for by Gemini's own name as the `type`."""
_NAMES: Final[Mapping[tuple[str, Dialect], str]] = {
    ("effort", "chat"): "reasoning_effort",
    ("effort", "responses"): "reasoning.effort",
    ("effort", "messages"): "output_config.effort",
    ("parallel_tool_calls", "messages"): "tool_choice.disable_parallel_tool_use",
}
"""Fields that clients call otherwise than we."""


class _Function(msgspec.Struct):
    name: str


class _AllowedTool(msgspec.Struct, tag="function"):
    function: _Function


class _Allowed(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: Annotated[list[_AllowedTool], msgspec.Meta(min_length=1)]


class _AllowedTools(msgspec.Struct, tag="allowed_tools"):
    """A choice among some of the tools, as a client of Chat Completions says it."""

    allowed_tools: _Allowed


_encode = msgspec.json.Encoder().encode


def encode_request(call: ModelCall, *, combines_tools: bool = False) -> bytes:
    """Raises `Inexpressible`, never drops a field.

    The server wants to be told that its own tools and functions are `combines_tools`.
    """
    body = conversation(call) | _tools(call.options, combines_tools=combines_tools)
    if config := _generation_config(call):
        body["generationConfig"] = config
    return _encode(body)


def _generation_config(call: ModelCall) -> _Json:
    options = call.options
    if options.seed is not None and options.seed not in _SEEDS:
        raise Inexpressible("Gemini's seeds have 32 bits.", param="seed")
    given: _Json = {
        "maxOutputTokens": options.max_tokens,
        "temperature": options.temperature,
        "topP": options.top_p,
        "stopSequences": list(options.stop) or None,
        "seed": options.seed,
        "candidateCount": options.n if options.n > 1 else None,
        "presencePenalty": options.presence_penalty,
        "frequencyPenalty": options.frequency_penalty,
        "responseLogprobs": options.logprobs or None,
        "logprobs": options.top_logprobs,
    }
    config: _Json = {name: value for name, value in given.items() if value is not None}
    if options.format is not None:
        config |= _format(options.format)
    if thinking := _thinking(call):
        config["thinkingConfig"] = thinking
    return config | _further(options) | resolution(call)


def _format(form: Format) -> _Json:
    config: _Json = {"responseMimeType": "application/json"}
    if form.schema is not None:
        named = {"title": form.name, "description": form.description}
        schema = {key: value for key, value in named.items() if value} | dict(form.schema)
        config["responseJsonSchema"] = schema
    return config


def _thinking(call: ModelCall) -> _Json:
    options = call.options
    if options.effort:
        param = _NAMES["effort", options.dialect]
        return thinking_config(options.effort, call.model, param=param)
    told = options.extras.get(_THINKING) if options.dialect == "messages" else None
    return thinking_told(told, call.model) if isinstance(told, Mapping) else {}


def _further(options: Options) -> _Json:
    """Of the fields that we do not interpret, those that Gemini knows too."""
    config: _Json = {}
    known = {("messages", _THINKING), ("chat", _TOOL_CHOICE)}
    for field, value in options.extras.items():
        if field == _TOP_K:
            config["topK"] = value
        elif (options.dialect, field) not in known:
            raise Inexpressible(f"Gemini has no `{field}`.", param=field)
    return config


def _tools(options: Options, *, combines_tools: bool) -> _Json:
    if options.parallel_tool_calls is False and options.tools:
        param = _NAMES.get(("parallel_tool_calls", options.dialect), "parallel_tool_calls")
        raise Inexpressible("Gemini may always call several tools at once.", param=param)
    functions: list[JsonValue] = []
    tools: list[JsonValue] = []
    for place, tool in enumerate(options.tools):
        own = tool.kind != "function"
        (tools if own else functions).append((_own_tool if own else _function)(tool, place))
    config = _calling(options)
    if functions and tools and combines_tools:
        config["includeServerSideToolInvocations"] = True
    if functions:
        tools.append({"functionDeclarations": functions})
    body: _Json = {"tools": tools} if tools else {}
    return body | ({"toolConfig": config} if config else {})


def _function(tool: Tool, place: int) -> _Json:
    refuse_extras(tool.extras, of="Gemini", within=f"tools[{place}]")
    declared: _Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.parameters:
        declared["parametersJsonSchema"] = dict(tool.parameters)
    return declared


def _own_tool(tool: Tool, place: int) -> _Json:
    others = tool.extras.keys() - {"type", tool.kind}
    if tool.kind not in _OWN_TOOLS or others:
        field = min(others, default="type") if tool.kind in _OWN_TOOLS else "type"
        message = f"Gemini has no tool {tool.kind[:40]!r} of that kind."
        raise Inexpressible(message, param=f"tools[{place}].{field}")
    return {tool.kind: tool.extras.get(tool.kind, {})}


def _calling(options: Options) -> _Json:
    strict = any(tool.strict for tool in options.tools)
    mode, names = _choice(options)
    if strict and mode is None:
        mode = _AUTO
    if mode is None:
        return {}
    config: _Json = {"mode": _STRICT_MODE if mode == _AUTO and (strict or names) else mode}
    if names:
        config["allowedFunctionNames"] = [*names]
    return {"functionCallingConfig": config}


def _choice(options: Options) -> tuple[str | None, Sequence[str]]:
    """The mode, and the names of the functions that it is about; none are all of them."""
    choice = options.tool_choice
    if choice is not None:
        return _MODES[choice.mode], [choice.name] if choice.mode == "named" else []
    told = options.extras.get(_TOOL_CHOICE)
    if told is None or options.dialect != "chat":
        return None, []
    try:
        allowed = msgspec.convert(told, _AllowedTools).allowed_tools
    except msgspec.ValidationError:
        raise Inexpressible("Gemini has no such choice.", param=_TOOL_CHOICE) from None
    return _MODES[allowed.mode], [tool.function.name for tool in allowed.tools]
