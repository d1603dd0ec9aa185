"""How the answer is to be made, as a request of the Responses API says it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, cast

import msgspec

from passerelle.core.values.chat import (
    Format,
    JsonObject,
    JsonValue,
    Options,
    Tool,
    ToolChoice,
)
from passerelle.transport.wire.bodies import InvalidField

_Json = dict[str, JsonValue]
_Object = dict[str, object]


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    name: str = ""
    schema: _Object | None = None
    description: str | None = None
    strict: bool | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None


class _Tool(msgspec.Struct):
    """Of a function; a tool that the provider runs has a type and whatever else it has."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: _Object | None = None
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str = ""


class RawOptions(msgspec.Struct):
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    include: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | _Choice | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    truncation: Literal["auto", "disabled"] | None = None


LOGPROBS: Final = "message.output_text.logprobs"
_ALWAYS_INCLUDED: Final = frozenset(
    {LOGPROBS, "reasoning.encrypted_content", "message.input_image.image_url"}
)
_DEFAULT_FORMAT: Final = "text"


def options_of(raw: RawOptions, given: _Json, extras: _Json) -> Options:
    """`given` is the request as it came, `extras` its fields that nobody interprets."""
    include = raw.include or []
    logprobs = LOGPROBS in include or bool(raw.top_logprobs)
    return Options(
        max_tokens=raw.max_output_tokens,
        temperature=raw.temperature,
        top_p=raw.top_p,
        logprobs=logprobs,
        top_logprobs=raw.top_logprobs if logprobs else None,
        tools=_tools(raw.tools or (), _objects(given.get("tools"))),
        tool_choice=_tool_choice(raw.tool_choice),
        parallel_tool_calls=raw.parallel_tool_calls,
        format=_format(raw.text.format if raw.text is not None else None),
        effort=(raw.reasoning.effort if raw.reasoning is not None else None) or "",
        extras=extras | _uninterpreted(raw, given),
        dialect="responses",
    )


def _tools(tools: Sequence[_Tool], given: Sequence[_Json]) -> tuple[Tool, ...]:
    read = []
    for place, (tool, raw) in enumerate(zip(tools, given, strict=True)):
        if tool.type != "function":
            read.append(Tool(tool.name or tool.type, kind=tool.type, extras=raw))
            continue
        if not tool.name:
            param = f"tools[{place}].name"
            raise InvalidField(f"`{param}` is missing.", param=param)
        read.append(
            Tool(
                tool.name,
                tool.description or "",
                cast("JsonObject", tool.parameters or {}),
                tool.strict,
                extras=_rest(raw, _Tool.__struct_fields__),
            )
        )
    return tuple(read)


def _tool_choice(choice: Literal["auto", "none", "required"] | _Choice | None) -> ToolChoice | None:
    if isinstance(choice, str):
        return ToolChoice(choice)
    if choice is not None and choice.type == "function":
        return ToolChoice("named", choice.name)
    return None


def _format(given: _Format | None) -> Format | None:
    if given is None or given.type == _DEFAULT_FORMAT:
        return None
    if given.type == "json_object":
        return Format()
    if given.schema is None or not given.name:
        param = f"text.format.{'schema' if given.schema is None else 'name'}"
        raise InvalidField(f"`{param}` is missing.", param=param)
    schema = cast("JsonObject", given.schema)
    return Format(schema, given.name, given.description or "", given.strict)


def _uninterpreted(raw: RawOptions, given: _Json) -> _Json:
    """What stands within fields that we interpret, and is not ours to interpret."""
    beside: _Json = {}
    if include := [each for each in raw.include or () if each not in _ALWAYS_INCLUDED]:
        beside["include"] = list(include)
    if text := _rest(given.get("text"), ("format",)):
        beside["text"] = text
    if reasoning := _rest(given.get("reasoning"), ("effort",)):
        beside["reasoning"] = reasoning
    if isinstance(raw.tool_choice, _Choice) and raw.tool_choice.type != "function":
        beside["tool_choice"] = given["tool_choice"]
    if raw.truncation == "auto":
        beside["truncation"] = "auto"
    return beside


def _rest(given: JsonValue, known: Sequence[str]) -> _Json:
    if not isinstance(given, Mapping):
        return {}
    return {key: given[key] for key in given if key not in known and given[key] is not None}


def _objects(given: JsonValue) -> list[_Json]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def echo_of(given: _Json) -> _Json:
    """The parameters as an answer repeats them; None where the provider was left to choose."""
    choice, text, reasoning = given.get("tool_choice"), given.get("text"), given.get("reasoning")
    parallel = given.get("parallel_tool_calls")
    return {
        "max_output_tokens": given.get("max_output_tokens"),
        "parallel_tool_calls": True if parallel is None else parallel,
        "reasoning": {"effort": None, "summary": None, **_rest(reasoning, ())},
        "temperature": given.get("temperature"),
        "text": {"format": {"type": _DEFAULT_FORMAT}, **_rest(text, ())},
        "tool_choice": "auto" if choice is None else choice,
        "tools": [_echoed(tool) for tool in _objects(given.get("tools"))],
        "top_logprobs": given.get("top_logprobs"),
        "top_p": given.get("top_p"),
        "truncation": given.get("truncation") or "disabled",
    }


def _echoed(tool: _Json) -> _Json:
    if tool.get("type") != "function":
        return tool
    return {"parameters": None, "strict": None, **tool}
