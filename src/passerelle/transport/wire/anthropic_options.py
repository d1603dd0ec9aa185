"""How the answer is to be made, as a request of Anthropic Messages says it."""

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
from passerelle.transport.wire.anthropic_layout import others_of
from passerelle.transport.wire.bodies import InvalidField

_Json = dict[str, JsonValue]
_Object = dict[str, object]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
CUSTOM: Final = "custom"
"""Type of a tool that the client runs; the default."""
DISABLED: Final[JsonObject] = {"type": "disabled"}
ADAPTIVE: Final[JsonObject] = {"type": "adaptive"}
UNTHINKING: Final = "none"
"""Our word for the effort of a model that must not think."""


class _Tool(msgspec.Struct):
    """A tool that Anthropic runs, or defines, has a type and whatever else it has."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: _Object | None = None
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "none", "tool"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Format(msgspec.Struct):
    type: Literal["json_schema"]
    schema: _Object


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class MessagesOptions(msgspec.Struct, kw_only=True):
    max_tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    temperature: _Share | None = None
    top_p: _Share | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Object | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    """The older name of `output_config.format`."""
    metadata: _Metadata | None = None


_MODES: Final[Mapping[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
}


def options_of(given: MessagesOptions, raw: _Json, extras: _Json) -> Options:
    """`raw` is what was read, `extras` its fields that nobody interprets.

    Raises kin of `InvalidRequest`.
    """
    choice = given.tool_choice
    single = choice.disable_parallel_tool_use if choice is not None else None
    beside = _within(raw)
    effort = _effort(given, raw, beside)
    return Options(
        max_tokens=given.max_tokens,
        temperature=given.temperature,
        top_p=given.top_p,
        stop=tuple(given.stop_sequences or ()),
        tools=_tools(given.tools or (), raw),
        tool_choice=_tool_choice(choice),
        parallel_tool_calls=None if single is None else not single,
        format=_format(given),
        effort=effort,
        extras=extras | beside,
        dialect="messages",
    )


def _tools(tools: Sequence[_Tool], raw: _Json) -> tuple[Tool, ...]:
    written = cast("list[_Json]", raw.get("tools"))
    return tuple(_tool(tool, written[place], place) for place, tool in enumerate(tools))


def _tool(tool: _Tool, raw: _Json, place: int) -> Tool:
    if tool.type not in (None, CUSTOM):
        return Tool(tool.name or tool.type, kind=tool.type, extras=raw)
    if not tool.name or tool.input_schema is None:
        param = f"tools[{place}].{'input_schema' if tool.name else 'name'}"
        raise InvalidField(f"`{param}` is missing.", param=param)
    return Tool(
        tool.name,
        tool.description or "",
        cast("JsonObject", tool.input_schema),
        tool.strict,
        extras=others_of(raw, *_Tool.__struct_fields__),
    )


def _tool_choice(choice: _Choice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.type != "tool":
        return ToolChoice(_MODES[choice.type])
    if not choice.name:
        raise InvalidField("`tool_choice.name` is missing.", param="tool_choice.name")
    return ToolChoice("named", choice.name)


def _format(given: MessagesOptions) -> Format | None:
    config = given.output_config
    form = (config.format if config is not None else None) or given.output_format
    return None if form is None else Format(cast("JsonObject", form.schema))


def _effort(given: MessagesOptions, raw: _Json, beside: _Json) -> str:
    """Effort as every format knows it; what only Anthropic's can say is put `beside`."""
    effort = (given.output_config.effort if given.output_config is not None else None) or ""
    thinking = raw.get("thinking")
    if thinking == DISABLED and not effort:
        return UNTHINKING
    if thinking == ADAPTIVE and effort:
        return effort
    if thinking is not None:
        beside["thinking"] = thinking
    if effort:
        config = beside.get("output_config")
        beside["output_config"] = {**(config if isinstance(config, dict) else {}), "effort": effort}
    return ""


def _within(raw: _Json) -> _Json:
    """What stands within fields that we interpret, and is not ours to interpret."""
    beside: _Json = {}
    if config := _rest(raw.get("output_config"), "effort", "format"):
        beside["output_config"] = config
    if metadata := _rest(raw.get("metadata"), "user_id"):
        beside["metadata"] = metadata
    return beside


def _rest(given: JsonValue, *known: str) -> _Json:
    return others_of(given, *known) if isinstance(given, dict) else {}
