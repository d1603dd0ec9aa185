"""Recorded requests of generateContent as calls of ours: written apart from the code that sends."""

import json
import re
from collections.abc import Iterator
from typing import Any

from passerelle.core.values.chat import (
    Format,
    Media,
    Message,
    Options,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.domain.routing.providers import ModelCall

Json = dict[str, Any]
CHOICES = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto"}
OWN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


def call_to(model: str, *messages: Message, options: Options | None = None) -> ModelCall:
    return ModelCall(
        model=model,
        messages=messages,
        question="",
        hits=(),
        sentences=3,
        refuse_below=0.3,
        refusal="I do not know.",
        deadline_seconds=5,
        options=options or Options(),
    )


def call_of(request: Json, model: str) -> ModelCall:
    """Of a request in small camels, as `in_camels` makes it."""
    system = request.get("systemInstruction", {}).get("parts", [])
    messages = [Message("system", part["text"]) for part in system]
    names: dict[str, str] = {}
    for content in request["contents"]:
        messages += _messages(content, names)
    return call_to(model, *messages, options=_options(request))


def _messages(content: Json, names: dict[str, str]) -> Iterator[Message]:
    parts = content["parts"]
    if content["role"] == "model":
        calls = tuple(_call(part) for part in parts if "functionCall" in part)
        names |= {call.id: call.name for call in calls}
        yield _answer(parts, calls)
        return
    for part in parts:
        if "functionResponse" in part:
            yield Message("tool", "?", tool_call_id=part["functionResponse"]["id"])
    said = tuple(_part(part) for part in parts if "functionResponse" not in part)
    if said:
        text = "\n".join(part.text for part in said if isinstance(part, Text))
        yield Message("user", text, said if len(parts) > 1 else ())


def _answer(parts: list[Json], calls: tuple[ToolCall, ...]) -> Message:
    said = [part for part in parts if "text" in part and not part.get("thought")]
    own: Any = [part for part in parts if any(kind in part for kind in OWN)]
    thoughts = [Thought(part["text"]) for part in parts if part.get("thought")]
    thoughts += [Thought(signature=s) for part in said if (s := part.get("thoughtSignature"))]
    return Message(
        "assistant",
        "\n".join(part["text"] for part in said),
        tuple(Text(part["text"]) for part in said) if len(said) > 1 else (),
        calls,
        thoughts=tuple(thoughts),
        extras={"extra_content": {"google": {"parts": own}}} if own else {},
    )


def _call(part: Json) -> ToolCall:
    call = part["functionCall"]
    arguments = json.dumps(call["args"])
    return ToolCall(call["id"], call["name"], arguments, part.get("thoughtSignature", ""))


def _part(part: Json) -> Part:
    if "text" in part:
        return Text(part["text"])
    if "inlineData" in part:
        data = part["inlineData"]
        return Media("file", data["data"], media_type=data["mimeType"])
    data = part["fileData"]
    return Media("file", url=data["fileUri"], media_type=data.get("mimeType", ""))


def _options(request: Json) -> Options:
    config = request.get("generationConfig", {})
    calling = request.get("toolConfig", {}).get("functionCallingConfig", {})
    strict = True if calling.get("mode") == "VALIDATED" else None
    thinking = config.get("thinkingConfig", {})
    names = calling.get("allowedFunctionNames", [])
    choice = None
    extras: Json = {"thinking": {"type": "adaptive"}} if "includeThoughts" in thinking else {}
    if len(names) > 1:
        tools: list[Json] = [{"type": "function", "function": {"name": name}} for name in names]
        mode = CHOICES[calling["mode"]]
        allowed = {"mode": mode, "tools": tools}
        extras["tool_choice"] = {"type": "allowed_tools", "allowed_tools": allowed}
    elif calling and not strict:
        kind: Any = "named" if names else CHOICES[calling["mode"]]
        choice = ToolChoice(kind, names[0] if names else "")
    return Options(
        max_tokens=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        stop=tuple(config.get("stopSequences", ())),
        logprobs=config.get("responseLogprobs", False),
        top_logprobs=config.get("logprobs"),
        tools=tuple(_tools(request.get("tools", []), strict=strict)),
        tool_choice=choice,
        format=Format(config.get("responseJsonSchema")) if "responseMimeType" in config else None,
        effort="none" if thinking.get("thinkingBudget") == 0 else "",
        extras=extras,
        dialect="messages" if "includeThoughts" in thinking else "chat",
    )


def _tools(tools: list[Json], *, strict: bool | None) -> Iterator[Tool]:
    for tool in tools:
        for kind, value in tool.items():
            if kind != "functionDeclarations":
                yield Tool(kind, kind=kind, extras={"type": kind, kind: value})
                continue
            for told in value:
                schema = told.get("parametersJsonSchema") or told.get("parameters", {})
                yield Tool(told["name"], told["description"], schema, strict)


def in_camels(value: Any) -> Any:
    """Google's servers read `snake_case` and `camelCase` alike; clients send both."""
    if isinstance(value, dict):
        return {_camel(key): in_camels(each) for key, each in value.items()}
    return [in_camels(each) for each in value] if isinstance(value, list) else value


def _camel(key: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)


def normal(request: Json) -> Json:
    """Without what says nothing, and with each thing said in one way."""
    given = in_camels(request)
    config = given.setdefault("generationConfig", {})
    config.pop("responseModalities", None)  # `TEXT`, as without it
    if not config:
        del given["generationConfig"]
    given.get("systemInstruction", {}).pop("role", None)
    given.get("toolConfig", {}).pop("includeServerSideToolInvocations", None)
    if not given.get("toolConfig", True):
        del given["toolConfig"]
    given["contents"] = [each for content in given["contents"] for each in _turns(content)]
    given["tools"] = sorted((_tool(tool) for tool in given.get("tools", [])), key=str)
    return dict(given)


def _tool(tool: Json) -> Json:
    for told in _declared(tool):
        schema = told.pop("parameters", None) or told.pop("parametersJsonSchema", None)
        if schema:
            told["schema"] = schema
        if not told.get("description"):
            told.pop("description", None)
    return tool


def _declared(tool: Json) -> list[Json]:
    declared: list[Json] = tool.get("functionDeclarations", [])
    return declared


def _turns(content: Json) -> Iterator[Json]:
    """Results of tools stand alone; in what the model said, calls come last."""
    for part in content["parts"]:
        if "functionResponse" in part:
            part["functionResponse"]["response"] = "?"
        if "thoughtSignature" in part:
            part["thoughtSignature"] = part["thoughtSignature"].translate({45: "+", 95: "/"})
    results = [part for part in content["parts"] if "functionResponse" in part]
    others = [part for part in content["parts"] if "functionResponse" not in part]
    if results:
        yield {"role": "user", "parts": results}
    if others:
        yield {"role": content["role"], "parts": others}
