"""Calls of servers that speak Chat Completions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from passerelle.core.values.chat import (
    NO_OPTIONS,
    Format,
    JsonObject,
    JsonValue,
    Media,
    Message,
    Options,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.openai_answers import signed
from passerelle.transport.wire.openai_parts import encode_part

_Json = dict[str, JsonValue]
_CACHE_MARK: Final = "cache_control"
_UNNAMED: Final = "answer"
_USUAL: Final[_Json] = {"tool_choice": "auto", "parallel_tool_calls": True}
"""What says no more than its absence."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Dialect:
    """What servers of this format disagree about."""

    path: str = "/chat/completions"
    """Appended to the base URL; may carry a query, such as Azure's api-version."""
    embeddings_path: str = "/embeddings"
    key_header: Literal["authorization", "api-key"] = "authorization"
    tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    include_usage: bool = True
    """Asks for usage in streams; a few old servers refuse the question."""
    seed_field: Literal["seed", "random_seed"] = "seed"
    must_call: Literal["required", "any"] = "required"
    """The word for 'some tool must be called'."""
    developer_role: bool = True
    """Else a developer is written as the system."""
    thoughts_field: Literal["reasoning_content", "reasoning", "thinking"] = "reasoning_content"
    """Where thoughts of earlier turns go; `thinking` is a part of the content."""
    needs_parameters: bool = False
    """A function that takes nothing must say so."""
    cache_marks: bool = False
    """Knows `cache_control`. Where it does not, marks that came in another format are left
    out: a cache changes no answer."""
    file_urls: bool = False
    """Fetches files itself; that a client of this format asked for it is enough."""
    call_signatures: bool = False
    """Knows the signatures of Google's tool calls; they mean nothing to anyone else."""
    ignored: frozenset[str] = field(default_factory=frozenset)
    """Fields that the server would drop silently, so that we refuse them."""


def encode_request(call: ModelCall, dialect: Dialect, *, stream: bool) -> bytes:
    """Raises `Inexpressible`."""
    options = call.options
    body: _Json = {} if options is NO_OPTIONS else _fields(options, dialect)
    further = body.pop("stream_options", None)
    body["model"] = call.model
    body["messages"] = [
        _message(message, f"messages[{place}]", options, dialect)
        for place, message in enumerate(call.messages)
    ]
    body.pop("stream", None)
    if stream:
        body["stream"] = True
        wanted = _merged(further, {"include_usage": True} if dialect.include_usage else {})
        if wanted:
            body["stream_options"] = wanted
    for name in dialect.ignored:
        if name in body and body[name] != _USUAL.get(name):
            raise Inexpressible(f"It would ignore `{name}`.", param=name)
    return _encode(body)


def _fields(options: Options, dialect: Dialect) -> _Json:
    given: _Json = {
        dialect.tokens_field: options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "stop": list(options.stop) or None,
        dialect.seed_field: options.seed,
        "n": options.n if options.n > 1 else None,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
        "logprobs": options.logprobs or None,
        "top_logprobs": options.top_logprobs,
        "tools": [
            _tool(tool, f"tools[{place}]", options, dialect)
            for place, tool in enumerate(options.tools)
        ]
        or None,
        "tool_choice": _tool_choice(options.tool_choice, dialect),
        "parallel_tool_calls": options.parallel_tool_calls,
        "reasoning_effort": options.effort or None,
    }
    body = dict(_passed(options.extras, "", options, dialect))
    if options.format is not None:
        body["response_format"] = _format(options.format, body.get("response_format"))
    return body | {name: value for name, value in given.items() if value is not None}


def _passed(extras: JsonObject, within: str, options: Options, dialect: Dialect) -> JsonObject:
    """Uninterpreted fields, where this format is the one whose names they have."""
    if not extras or options.dialect == "chat":
        return extras
    for name in extras:
        if name != _CACHE_MARK:
            param = f"{within}.{name}" if within else name
            raise Inexpressible(f"It has no `{param}`.", param=param)
    return extras if dialect.cache_marks else {}


def _tool(tool: Tool, param: str, options: Options, dialect: Dialect) -> _Json:
    if tool.kind != "function":
        if options.dialect != "chat":
            raise Inexpressible(f"It has no tool `{tool.kind}`.", param=f"{param}.type")
        return dict(tool.extras)
    function: _Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    elif dialect.needs_parameters:
        function["parameters"] = {"type": "object", "properties": {}}
    if tool.strict is not None:
        function["strict"] = tool.strict
    rest = dict(_passed(tool.extras, param, options, dialect))
    return {"type": "function", "function": _merged(rest.pop("function", None), function), **rest}


def _tool_choice(choice: ToolChoice | None, dialect: Dialect) -> JsonValue:
    if choice is None:
        return None
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return dialect.must_call if choice.mode == "required" else choice.mode


def _format(form: Format, further: JsonValue) -> _Json:
    if form.schema is None:
        return _merged(further, {"type": "json_object"})
    described: _Json = {"name": form.name or _UNNAMED, "schema": dict(form.schema)}
    if form.description:
        described["description"] = form.description
    if form.strict is not None:
        described["strict"] = form.strict
    rest = _merged(further, {})
    within = rest.pop("json_schema", None)
    return {**rest, "type": "json_schema", "json_schema": _merged(within, described)}


def _merged(further: JsonValue, ours: _Json) -> _Json:
    return {**further, **ours} if isinstance(further, Mapping) else ours


def _message(message: Message, param: str, options: Options, dialect: Dialect) -> _Json:
    role = message.role
    if role == "developer" and not dialect.developer_role:
        role = "system"
    if role == "tool":
        return _result(message, param, options, dialect)
    content = _content(message, param, options, dialect)
    written: _Json = {"role": role, "content": content}
    if message.extras:
        written = {**_passed(message.extras, param, options, dialect), **written}
    if message.thoughts:
        _think(written, message, param, dialect)
    if message.tool_calls:
        written["tool_calls"] = [_called(each, dialect) for each in message.tool_calls]
    if not content and (message.tool_calls or "function_call" in written):
        written["content"] = None
    return written


def _content(message: Message, param: str, options: Options, dialect: Dialect) -> JsonValue:
    if not message.parts:
        return message.text
    written: list[JsonValue] = []
    for place, part in enumerate(message.parts):
        at = f"{param}.content[{place}]"
        fetched = isinstance(part, Media) and part.kind == "file" and part.url
        if fetched and options.dialect != "chat" and not dialect.file_urls:
            raise Inexpressible("It fetches no files: send the data.", param=at)
        written.append(encode_part(part, _passed(part.extras, at, options, dialect), at))
    return written


def _result(message: Message, param: str, options: Options, dialect: Dialect) -> _Json:
    """Of a tool. That it failed can be said in its text only."""
    content = _content(message, param, options, dialect)
    if message.failed and isinstance(content, str):
        content = f"Error: {content}"
    elif message.failed and isinstance(content, list):
        content = [{"type": "text", "text": "Error:"}, *content]
    return {
        **_passed(message.extras, param, options, dialect),
        "role": "tool",
        "tool_call_id": message.tool_call_id,
        "content": content,
    }


def _think(written: _Json, message: Message, param: str, dialect: Dialect) -> None:
    """A signature is for its maker alone; a hidden thought has no other content."""
    if any(thought.hidden for thought in message.thoughts):
        name = f"{param}.reasoning_details"
        raise Inexpressible("It cannot read a hidden thought of another.", param=name)
    text = "".join(thought.text for thought in message.thoughts)
    if dialect.thoughts_field == "thinking":
        said = written["content"]
        parts = said if isinstance(said, list) else [{"type": "text", "text": said}] if said else []
        thought: _Json = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
        written["content"] = [thought, *parts]
    else:
        written[dialect.thoughts_field] = text


def _called(call: ToolCall, dialect: Dialect) -> _Json:
    function: _Json = {"name": call.name, "arguments": call.arguments or "{}"}
    written: _Json = {"id": call.id, "type": "function", "function": function}
    return written | signed(call.signature) if dialect.call_signatures else written
