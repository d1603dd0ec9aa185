"""How the answer is to be made, as a request of Chat Completions says it."""

from collections.abc import Mapping
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
from passerelle.transport.wire.bodies import InvalidField, UnsupportedField

_Json = dict[str, JsonValue]
_Object = dict[str, object]
_Filled = Annotated[str, msgspec.Meta(min_length=1)]
_Tokens = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]


class _Function(msgspec.Struct):
    name: _Filled
    description: str | None = None
    parameters: _Object | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct):
    """A tool that the provider runs has a type and whatever else it has."""

    type: _Filled = "function"
    function: _Function | None = None


class _Named(msgspec.Struct):
    name: _Filled


class _Choice(msgspec.Struct):
    type: str = "function"
    function: _Named | None = None


class _Schema(msgspec.Struct):
    name: _Filled
    schema: _Object | None = None
    description: str | None = None
    strict: bool | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class ChatOptions(msgspec.Struct, kw_only=True):
    stream_options: _StreamOptions | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    tools: list[_Tool] | None = None
    # Mistral's clients say `any` for `required`.
    tool_choice: Literal["none", "auto", "required", "any"] | _Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    reasoning_effort: _Filled | None = None


_TOOL: Final = frozenset(_Tool.__struct_fields__)
_FUNCTION: Final = frozenset(_Function.__struct_fields__)
_SCHEMA: Final = frozenset(_Schema.__struct_fields__)
_FORMAT: Final = frozenset(_Format.__struct_fields__)


def options_of(given: ChatOptions, raw: _Json, extras: _Json) -> Options:
    """`raw` is what was read, `extras` its fields that nobody interprets.

    Raises kin of `InvalidRequest`.
    """
    if given.top_logprobs is not None and not given.logprobs:
        raise InvalidField("It needs `logprobs` to be true.", param="top_logprobs")
    stop = (given.stop,) if isinstance(given.stop, str) else tuple(given.stop or ())
    return Options(
        max_tokens=given.max_completion_tokens or given.max_tokens,
        temperature=given.temperature,
        top_p=given.top_p,
        stop=stop,
        seed=given.seed,
        n=given.n or 1,
        presence_penalty=given.presence_penalty,
        frequency_penalty=given.frequency_penalty,
        logprobs=bool(given.logprobs),
        top_logprobs=given.top_logprobs,
        tools=_tools(given, raw),
        tool_choice=_tool_choice(given),
        parallel_tool_calls=given.parallel_tool_calls,
        format=_format(given.response_format),
        effort=given.reasoning_effort or "",
        extras={**extras, **_beside(given, raw)},
    )


def _tools(given: ChatOptions, raw: _Json) -> tuple[Tool, ...]:
    written = cast("list[_Json]", raw.get("tools"))
    return tuple(
        _tool(tool, written[place], f"tools[{place}]")
        for place, tool in enumerate(given.tools or ())
    )


def _tool(tool: _Tool, raw: _Json, param: str) -> Tool:
    if tool.type == "custom":  # whose calls have no arguments in JSON
        raise UnsupportedField("Describe the tool as a function.", param=f"{param}.type")
    if tool.type != "function":
        return Tool(tool.type, kind=tool.type, extras=raw)
    function = tool.function
    if function is None:
        raise InvalidField(f"`{param}.function` is missing.", param=f"{param}.function")
    extras = _rest(raw, _TOOL)
    if within := _rest(raw["function"], _FUNCTION):
        extras["function"] = within
    return Tool(
        function.name,
        function.description or "",
        cast("JsonObject", function.parameters or {}),
        function.strict,
        extras=extras,
    )


def _tool_choice(given: ChatOptions) -> ToolChoice | None:
    choice = given.tool_choice
    if isinstance(choice, str):
        return ToolChoice("required" if choice == "any" else choice)
    if choice is None or choice.type != "function":
        return None
    if choice.function is None:
        param = "tool_choice.function"
        raise InvalidField(f"`{param}` is missing.", param=param)
    return ToolChoice("named", choice.function.name)


def _format(given: _Format | None) -> Format | None:
    if given is None or given.type not in ("json_object", "json_schema"):
        return None
    if given.type == "json_object":
        return Format()
    schema = given.json_schema
    if schema is None:
        param = "response_format.json_schema"
        raise InvalidField(f"`{param}` is missing.", param=param)
    return Format(
        cast("JsonObject", schema.schema or {}),
        schema.name,
        schema.description or "",
        schema.strict,
    )


def _beside(given: ChatOptions, raw: _Json) -> _Json:
    """What stands within fields that we interpret, and is not ours to interpret."""
    beside: _Json = {}
    if others := _rest(raw.get("stream_options"), frozenset({"include_usage"})):
        beside["stream_options"] = others
    if isinstance(given.tool_choice, _Choice) and given.tool_choice.type != "function":
        beside["tool_choice"] = raw["tool_choice"]
    form = given.response_format
    if form is not None and form.type not in ("text", "json_object", "json_schema"):
        beside["response_format"] = raw["response_format"]
    elif isinstance(written := raw.get("response_format"), Mapping):
        others = _rest(written, _FORMAT)
        if within := _rest(written.get("json_schema"), _SCHEMA):
            others["json_schema"] = within
        beside |= {"response_format": others} if others else {}
    return beside


def _rest(given: JsonValue, known: frozenset[str]) -> _Json:
    if not isinstance(given, Mapping):
        return {}
    return {key: given[key] for key in given if key not in known and given[key] is not None}
