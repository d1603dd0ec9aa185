"""Requests of Anthropic Messages, as an upstream gets them: Anthropic, Bedrock, Vertex AI."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from passerelle.core.values.chat import (
    Dialect,
    Format,
    JsonObject,
    JsonValue,
    Message,
    Options,
    Tool,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.anthropic_blocks import blocks_of
from passerelle.transport.wire.anthropic_layout import LAYOUT, RESULT
from passerelle.transport.wire.anthropic_models import longest_answer, thinking_fields

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Platform:
    """Where Anthropic's models run, and what the body of a request holds there."""

    version: str = ""
    """`anthropic_version`; empty where it is a header."""
    model_in_body: bool = True
    stream_in_body: bool = True
    betas_in_body: bool = True


ANTHROPIC: Final = Platform(betas_in_body=False)
BEDROCK: Final = Platform("bedrock-2023-05-31", model_in_body=False, stream_in_body=False)
"""InvokeModel; the model is in the URL, and whether to stream too."""
VERTEX: Final = Platform("vertex-2023-10-16", model_in_body=False)
"""rawPredict and streamRawPredict; the model is in the URL."""
BETAS: Final = "anthropic_beta"
"""In `extras`: features that the client opted in to, which is a header of Anthropic's own."""
_BETA: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SYSTEM: Final = frozenset({"system", "developer"})
_MODES: Final = {"auto": "auto", "none": "none", "required": "any"}
_COUNTED: Final = frozenset(
    {
        "cache_control",
        "context_management",
        "mcp_servers",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
"""Fields that change how many tokens the input has; others are refused in a count."""
_NAMES: Final[dict[tuple[str, Dialect], str]] = {
    ("format", "chat"): "response_format",
    ("format", "responses"): "text.format",
    ("effort", "chat"): "reasoning_effort",
    ("effort", "responses"): "reasoning.effort",
    ("effort", "messages"): "output_config.effort",
    ("logprobs", "responses"): "include",
}
"""Fields that clients call otherwise than we."""


def betas_of(call: ModelCall, configured: Sequence[str] = ()) -> tuple[str, ...]:
    """Features to opt in to: those of the settings, then those of the client."""
    options = call.options
    told = options.extras.get(BETAS) if options.extras and options.dialect == "messages" else None
    asked = [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
    for each in asked:
        if not _BETA.fullmatch(each):  # it becomes part of a header
            raise Inexpressible(f"It has no feature {each[:40]!r}.", param=BETAS)
    return tuple(dict.fromkeys((*configured, *asked)))


def encode_request(
    call: ModelCall,
    *,
    stream: bool,
    platform: Platform = ANTHROPIC,
    betas: Sequence[str] = (),
) -> bytes:
    """Raises `Inexpressible`, never drops a field."""
    body = _conversation(call)
    if platform.model_in_body:
        body["model"] = call.model
    if platform.version:
        body["anthropic_version"] = platform.version
    if platform.betas_in_body and (opted := betas_of(call, betas)):
        body[BETAS] = list(opted)
    if stream and platform.stream_in_body:
        body["stream"] = True
    return _encode(body | _sampling(call))


def encode_count(call: ModelCall) -> bytes:
    """A request that only asks how many tokens it has."""
    body = _conversation(call) | {"model": call.model}
    return _encode({field: body[field] for field in body if field in _COUNTED})


def _conversation(call: ModelCall) -> _Json:
    """All that makes up the input."""
    options = call.options
    foreign = options.dialect != "messages"
    system, turns = _turns(call.messages, foreign=foreign)
    body = _extras(options)
    body["messages"] = turns
    if system:
        body["system"] = system
    if options.tools:
        body["tools"] = [
            _tool(tool, place, foreign=foreign) for place, tool in enumerate(options.tools)
        ]
    if choice := _tool_choice(options):
        body["tool_choice"] = choice
    config = _output_config(call, body)
    if config:
        body["output_config"] = config
    return body


def _sampling(call: ModelCall) -> _Json:
    options = call.options
    _refuse_what_is_unknown(options)
    body: _Json = {"max_tokens": _max_tokens(call)}
    if options.temperature is not None:
        if options.temperature > 1:
            raise Inexpressible("Its temperature ends at 1.", param="temperature")
        body["temperature"] = options.temperature
    if options.top_p is not None:
        body["top_p"] = options.top_p
    if options.stop:
        body["stop_sequences"] = list(options.stop)
    return body


def _max_tokens(call: ModelCall) -> int:
    limit = call.options.max_tokens
    return longest_answer(call.model) if limit is None else limit


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
            param = _name(field, options.dialect)
            raise Inexpressible(f"Anthropic has no `{param}`.", param=param)


def _name(field: str, dialect: Dialect) -> str:
    return _NAMES.get((field, dialect), field)


def _extras(options: Options) -> _Json:
    if options.dialect != "messages":
        for field in options.extras:
            raise Inexpressible(f"Anthropic has no `{field}`.", param=field)
    return {field: value for field, value in options.extras.items() if field != BETAS}


def _output_config(call: ModelCall, body: _Json) -> _Json:
    """Effort and format, beside what the client's own `output_config` holds; adds `thinking`."""
    options = call.options
    given = body.get("output_config")
    config: _Json = dict(given) if isinstance(given, dict) else {}
    if options.effort:
        fields, effort = thinking_fields(
            options.effort,
            call.model,
            max_tokens=_max_tokens(call),
            param=_name("effort", options.dialect),
        )
        body |= fields
        config |= {"effort": effort} if effort else {}
    if options.format is not None:
        config["format"] = _format(options.format, _name("format", options.dialect))
    return config


def _format(form: Format, param: str) -> _Json:
    if form.schema is None:
        raise Inexpressible("Anthropic writes JSON by a schema only.", param=param)
    schema: _Json = dict(form.schema)
    if form.description:
        schema.setdefault("description", form.description)
    return {"type": "json_schema", "schema": schema}


def _tool(tool: Tool, place: int, *, foreign: bool) -> _Json:
    if tool.kind != "function":
        if foreign:
            param = f"tools[{place}].type"
            raise Inexpressible(f"Anthropic has no tool {tool.kind[:40]!r}.", param=param)
        return dict(tool.extras)
    if foreign:
        _refuse_extras(tool.extras, f"tools[{place}]")
    body: _Json = {"name": tool.name}
    if tool.description:
        body["description"] = tool.description
    if tool.strict:
        body["strict"] = True
    body["input_schema"] = {"type": "object", **tool.parameters}
    return body | dict(tool.extras)


def _tool_choice(options: Options) -> _Json:
    choice = options.tool_choice
    single = options.parallel_tool_calls is False and bool(options.tools)
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if single else {}
    body = _choice(choice)
    if single and choice.mode != "none":
        body["disable_parallel_tool_use"] = True
    return body


def _choice(choice: ToolChoice) -> _Json:
    if choice.mode == "named":
        return {"type": "tool", "name": choice.name}
    return {"type": _MODES[choice.mode]}


def _turns(
    messages: Iterable[Message], *, foreign: bool
) -> tuple[list[JsonValue], list[JsonValue]]:
    """System blocks, and turns of which no two neighbours have the same role.

    A client of Anthropic may give instructions in the middle of a conversation; those
    of other clients go to the start, where every model reads them.
    """
    system: list[JsonValue] = []
    turns: list[JsonValue] = []
    last, content = "", list[JsonValue]()
    for message in messages:
        role = _role(message)
        blocks = _blocks(message, foreign=foreign)
        if role == "system" and (foreign or not turns):
            system += blocks
        elif not blocks:
            continue  # a turn of nothing says nothing, and is refused
        elif role == last:
            content += blocks
        else:
            last, content = role, list(blocks)
            turns.append({"role": role, "content": content})
    return system, turns


def _role(message: Message) -> str:
    if message.role in _SYSTEM:
        return "system"
    return "user" if message.role == "tool" else message.role


def _blocks(message: Message, *, foreign: bool) -> Sequence[JsonValue]:
    if foreign:
        _refuse_extras(message.extras, "messages[]")
    content = blocks_of(message, foreign=foreign)
    if message.role != "tool":
        if content and "cache_control" in message.extras:
            content[-1]["cache_control"] = message.extras["cache_control"]
        return content
    result: _Json = {"type": RESULT, "tool_use_id": message.tool_call_id}
    if content:
        result["content"] = [*content] if message.parts or message.extras else message.text
    if message.failed:
        result["is_error"] = True
    others = {field: value for field, value in message.extras.items() if field != LAYOUT}
    return [result | others]


def _refuse_extras(extras: JsonObject, param: str) -> None:
    for field in extras:
        if field != "cache_control":
            raise Inexpressible(f"Anthropic has no `{field}` here.", param=f"{param}.{field}")
