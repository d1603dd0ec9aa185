"""Calls of models as our values, from those that AWS has been asked."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from passerelle.core.values.chat import (
    NO_OPTIONS,
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
from passerelle.domain.routing.providers import EmbeddingCall, ModelCall
from tests.recordings import Recorded

CONVERSED: Final = r"/model/[^/]+/converse(-stream)?$"
_CHOICES: Final = {"auto": "auto", "any": "required"}
_OURS: Final = frozenset({"messages", "system", "inferenceConfig", "toolConfig", "outputConfig"})


def model_call(
    *messages: Message, model: str = "us.amazon.nova-micro-v1:0", options: Options = NO_OPTIONS
) -> ModelCall:
    return ModelCall(
        model=model,
        messages=messages or (Message("user", "Hi"),),
        question="Hi",
        hits=(),
        sentences=3,
        refuse_below=0.5,
        refusal="I do not know.",
        deadline_seconds=10.0,
        options=options,
    )


def recorded_model(call: Recorded) -> str:
    found = re.search(r"/model/([^/]+)/", call.uri)
    assert found is not None
    return unquote(found[1])


def recorded_call(recorded: Recorded) -> ModelCall:
    """The call whose translation was recorded."""
    body = recorded_body(recorded)
    parts = _parts(body.get("system", ()))
    texts = "\n".join(part.text for part in parts if isinstance(part, Text))
    system = [Message("system", texts, parts)] if parts else []
    turns = [message for turn in body["messages"] for message in _messages(turn)]
    return model_call(*system, *turns, model=recorded_model(recorded), options=_options(body))


def recorded_body(recorded: Recorded) -> dict[str, Any]:
    """Of a request. One was edited by hand, and lacks its last brace."""
    text = recorded.request_body
    body: dict[str, Any] = json.loads(text + b"}" if text.count(b"{") > text.count(b"}") else text)
    return body


def recorded_embedding(recorded: Recorded) -> EmbeddingCall:
    body: dict[str, Any] = json.loads(recorded.request_body)
    nova: dict[str, Any] = body.get("singleEmbeddingParams", {})
    text: dict[str, Any] = nova.get("text", {})
    dimensions = body.get("dimensions") or nova.get("embeddingDimension")
    further = {**body, **nova, **text}
    known = ("input_type", "truncate", "normalize", "embeddingPurpose", "truncationMode")
    return EmbeddingCall(
        model=recorded_model(recorded),
        inputs=tuple(body.get("texts") or [body.get("inputText") or text["value"]]),
        deadline_seconds=10.0,
        dimensions=dimensions,
        extras={key: further[key] for key in known if key in further},
    )


def _messages(turn: Mapping[str, Any]) -> Iterator[Message]:
    """Results of tools are messages of their own."""
    blocks = turn["content"]
    for block in blocks:
        if result := block.get("toolResult"):
            text = "\n".join(each["text"] for each in result["content"])
            failed = result.get("status") == "error"
            yield Message("tool", text, tool_call_id=result["toolUseId"], failed=failed)
    parts = _parts(blocks)
    calls = tuple(
        ToolCall(use["toolUseId"], use["name"], json.dumps(use["input"]))
        for block in blocks
        if (use := block.get("toolUse"))
    )
    thoughts = tuple(
        Thought(told["text"], told.get("signature", ""))
        for block in blocks
        if (told := block.get("reasoningContent", {}).get("reasoningText"))
    )
    if parts or calls or thoughts:
        texts = "\n".join(part.text for part in parts if isinstance(part, Text))
        yield Message(turn["role"], texts, parts, calls, thoughts=thoughts)


def _parts(blocks: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for block in blocks:
        if "text" in block:
            parts.append(Text(block["text"]))
        elif "cachePoint" in block:
            parts[-1] = replace(parts[-1], extras={"cache_control": {"type": "ephemeral"}})
        elif document := block.get("document"):
            kind = {"pdf": "application/pdf", "txt": "text/plain"}[document["format"]]
            name = f"{document['name']}.{document['format']}"
            data = document["source"]["bytes"]
            parts.append(Media("file", data, media_type=kind, name=name))
        elif video := block.get("video"):
            parts.append(Media("file", video["source"]["bytes"], media_type="video/mp4"))
    return tuple(parts)


def _options(body: Mapping[str, Any]) -> Options:
    inference: dict[str, Any] = body.get("inferenceConfig", {})
    tools: dict[str, Any] = body.get("toolConfig", {})
    return Options(
        max_tokens=inference.get("maxTokens"),
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        stop=tuple(inference.get("stopSequences", ())),
        tools=tuple(map(_tool, tools.get("tools", ()))),
        tool_choice=_choice(tools.get("toolChoice")),
        format=_format(body.get("outputConfig")),
        extras={key: body[key] for key in body if key not in _OURS},
    )


def _tool(tool: Mapping[str, Any]) -> Tool:
    if system := tool.get("systemTool"):
        return Tool(system["name"], kind=system["name"], extras={"type": system["name"]})
    spec = tool["toolSpec"]
    schema = spec["inputSchema"]["json"]
    return Tool(spec["name"], spec.get("description", ""), schema, spec.get("strict"))


def _choice(told: Mapping[str, Any] | None) -> ToolChoice | None:
    if told is None:
        return None
    if tool := told.get("tool"):
        return ToolChoice("named", tool["name"])
    return ToolChoice("auto" if "auto" in told else "required")


def _format(output: Mapping[str, Any] | None) -> Format | None:
    if output is None:
        return None
    schema = output["textFormat"]["structure"]["jsonSchema"]
    return Format(json.loads(schema["schema"]), schema["name"], schema.get("description", ""))
