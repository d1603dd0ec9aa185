"""Requests of Bedrock's Converse and ConverseStream; their bodies are the same."""

from typing import Final

import msgspec

from passerelle.core.values.chat import (
    Dialect,
    Format,
    JsonValue,
    Options,
    Tool,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.bedrock_models import effort_fields, family_of
from passerelle.transport.wire.bedrock_turns import cache_points, turns_of

_Json = dict[str, JsonValue]
_OWN: Final = "additionalModelRequestFields"
_CONVERSE: Final = frozenset(
    {
        _OWN,
        "additionalModelResponseFieldPaths",
        "guardrailConfig",
        "performanceConfig",
        "projectIdentifier",
        "promptVariables",
        "requestMetadata",
        "serviceTier",
    }
)
"""Fields of Converse that no other format has: whoever sends one means it."""
_CLAUDES: Final = frozenset({"anthropic_beta", "thinking", "top_k"})
"""Fields of Anthropic Messages that its models have here too."""
_TIERS: Final = frozenset({"default", "flex", "priority"})
_NAMES: Final[dict[tuple[str, Dialect], str]] = {
    ("format", "chat"): "response_format",
    ("format", "responses"): "text.format",
    ("format", "messages"): "output_config.format",
    ("effort", "chat"): "reasoning_effort",
    ("effort", "responses"): "reasoning.effort",
    ("effort", "messages"): "output_config.effort",
    ("logprobs", "responses"): "include",
    ("parallel_tool_calls", "messages"): "tool_choice.disable_parallel_tool_use",
}
"""Fields that clients call otherwise than we."""
_NO_TOOL: Final[_Json] = {
    "toolSpec": {
        "name": "no_tool_available",
        "description": "This tool does not exist. Answer in words.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
}
"""A conversation in which tools were called is refused without any tool."""
_encode = msgspec.json.Encoder().encode


def encode_request(call: ModelCall) -> bytes:
    """Raises `Inexpressible`, never drops a field."""
    options = call.options
    _refuse_what_is_unknown(options)
    system, turns = turns_of(call.messages, foreign=options.dialect != "messages")
    body: _Json = {"messages": turns}
    if system:
        body["system"] = system
    if inference := _inference(options):
        body["inferenceConfig"] = inference
    if tools := _tool_config(call):
        body["toolConfig"] = tools
    own, output = _further(call, body)
    if options.parallel_tool_calls is False and options.tools:
        own |= _one_at_a_time(call)
    if options.format is not None:
        output["textFormat"] = _text_format(options.format, _name("format", options))
    if own:
        body[_OWN] = own
    if output:
        body["outputConfig"] = output
    return _encode(body)


def _refuse_what_is_unknown(options: Options) -> None:
    asked = {
        "n": options.n != 1,
        "seed": options.seed is not None,
        "presence_penalty": bool(options.presence_penalty),
        "frequency_penalty": bool(options.frequency_penalty),
        "logprobs": options.logprobs,
        "top_logprobs": bool(options.top_logprobs),
    }
    for field, wanted in asked.items():
        if wanted:
            param = _name(field, options)
            raise Inexpressible(f"Bedrock has no `{param}`.", param=param)


def _name(field: str, options: Options) -> str:
    return _NAMES.get((field, options.dialect), field)


def _inference(options: Options) -> _Json:
    if options.temperature is not None and options.temperature > 1:
        raise Inexpressible("Bedrock's temperature ends at 1.", param="temperature")
    given: _Json = {
        "maxTokens": options.max_tokens,
        "temperature": options.temperature,
        "topP": options.top_p,
        "stopSequences": list(options.stop) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool_config(call: ModelCall) -> _Json:
    options = call.options
    choice = options.tool_choice
    if not options.tools or (choice is not None and choice.mode == "none"):
        used = any(message.tool_calls or message.role == "tool" for message in call.messages)
        return {"tools": [dict(_NO_TOOL)]} if used else {}
    tools: list[JsonValue] = []
    for place, tool in enumerate(options.tools):
        tools += _tool(tool, f"tools[{place}]")
    if choice is None or (choice.mode == "auto" and options.parallel_tool_calls is False):
        return {"tools": tools}
    told: _Json = {"tool": {"name": choice.name}}
    if choice.mode != "named":
        told = {"any" if choice.mode == "required" else "auto": {}}
    return {"tools": tools, "toolChoice": told}


def _tool(tool: Tool, param: str) -> list[_Json]:
    if tool.kind.startswith("nova_"):
        cache_points({key: tool.extras[key] for key in tool.extras if key != "type"}, param)
        return [{"systemTool": {"name": tool.kind}}]
    if tool.kind != "function":
        raise Inexpressible(f"Bedrock has no tool `{tool.kind[:40]}`.", param=f"{param}.type")
    described: _Json = {"description": tool.description} if tool.description.strip() else {}
    strict: _Json = {"strict": True} if tool.strict else {}
    schema: _Json = {"json": {"type": "object", **tool.parameters}}
    spec: _Json = {"name": tool.name, **described, "inputSchema": schema, **strict}
    return [{"toolSpec": spec}, *cache_points(tool.extras, param)]


def _one_at_a_time(call: ModelCall) -> _Json:
    """Converse has no word for it, Claude has: beside a choice of Converse's own it is refused."""
    choice = call.options.tool_choice
    if choice is not None and choice.mode == "none":
        return {}
    if family_of(call.model) != "anthropic" or (choice is not None and choice.mode != "auto"):
        raise Inexpressible(
            "Bedrock cannot be told to call one tool at a time.",
            param=_name("parallel_tool_calls", call.options),
        )
    return {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


def _text_format(form: Format, param: str) -> _Json:
    if form.schema is None:
        raise Inexpressible("Bedrock writes JSON by a schema only.", param=param)
    schema: _Json = {"schema": _encode(form.schema).decode()}
    if form.name:
        schema["name"] = form.name
    if form.description:
        schema["description"] = form.description
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _further(call: ModelCall, body: _Json) -> tuple[_Json, _Json]:
    """Fields of the model's own and of `outputConfig`; adds Converse's own to the body."""
    options = call.options
    own: _Json = {}
    output: _Json = {}
    if options.effort:
        fields, effort = effort_fields(call, _name("effort", options))
        own |= fields
        output |= {"effort": effort} if effort else {}
    for field, value in options.extras.items():
        if field in _CONVERSE:
            body[field] = value
        elif field == "service_tier" and value in _TIERS and options.dialect != "messages":
            body["serviceTier"] = {"type": value}
        elif _is_claudes(field, call):
            own[field] = value
        elif field == "output_config" and _is_effort(value, call):
            output |= value if isinstance(value, dict) else {}
        elif (field, value) not in _GRANTED:
            raise Inexpressible(f"Bedrock has no `{field}`.", param=field)
    given = body.get(_OWN)
    return {**(given if isinstance(given, dict) else {}), **own}, output


_GRANTED: Final = (("service_tier", "auto"), ("store", False))
"""What Bedrock does anyhow."""


def _is_claudes(field: str, call: ModelCall) -> bool:
    native = call.options.dialect == "messages" and family_of(call.model) == "anthropic"
    return native and field in _CLAUDES


def _is_effort(value: JsonValue, call: ModelCall) -> bool:
    claude = family_of(call.model) == "anthropic"
    return claude and isinstance(value, dict) and value.keys() == {"effort"}
