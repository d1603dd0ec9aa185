"""An upstream that does what it is asked: answers, calls tools and writes JSON by the schema.

It knows only what reached it, so whatever a gateway drops on the way shows in its answer.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.adapters.upstream import Seen, Step, answer, chunked
from tests.adapters.wire_answers import USAGE, chunk, completion, events, usage_chunk

_Json = Mapping[str, Any]
SAID = "Hello, how are you?"
_CALLS_FOR_A_TOOL = re.compile("tool|weather", re.IGNORECASE)


def oblige(seen: Seen) -> Sequence[Step]:
    asked = seen.json
    tool = _tool_asked_for(asked)
    if tool is not None:
        told = _question(asked)
        call = {
            "id": f"call_{len(told)}",
            "type": "function",
            "function": {
                "name": tool["name"],
                "arguments": _written(tool.get("parameters", {}), told),
            },
        }
        return _said(asked, None, calls=[call])
    text = _text(asked)
    for stop in asked.get("stop") or ():
        text = text.partition(stop)[0]
    return _said(asked, text)


def _question(asked: _Json) -> str:
    content = asked["messages"][-1].get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _tool_asked_for(asked: _Json) -> _Json | None:
    tools: dict[str, _Json] = {
        each["function"]["name"]: each["function"] for each in asked.get("tools") or ()
    }
    choice = asked.get("tool_choice", "auto")
    if not tools or choice == "none" or asked["messages"][-1]["role"] == "tool":
        return None
    if isinstance(choice, Mapping):
        return tools[choice["function"]["name"]]
    if choice == "required" or _CALLS_FOR_A_TOOL.search(_question(asked)):
        return next(iter(tools.values()))
    return None


def _text(asked: _Json) -> str:
    wanted = asked.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        return _written(wanted["json_schema"]["schema"], _question(asked))
    if wanted["type"] == "json_object":
        return json.dumps(dict.fromkeys(re.findall(r"'(\w+)'", _question(asked)), "a cat"))
    return SAID


def _written(schema: _Json, told: str) -> str:
    return json.dumps(_filled(schema, told), ensure_ascii=False)


def _filled(schema: _Json, told: str) -> Any:
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "array":
        return [_filled(schema["items"], told)]
    if kind in {"integer", "number"}:
        return int(next(iter(re.findall(r"\d+", told)), "3"))
    if kind == "boolean":
        return True
    if kind == "object" or "properties" in schema:
        return {name: _filled(each, told) for name, each in schema.get("properties", {}).items()}
    return told


def _said(asked: _Json, text: str | None, *, calls: Sequence[Any] = ()) -> Sequence[Step]:
    finish = "tool_calls" if calls else "stop"
    if not asked.get("stream"):
        further = {"tool_calls": [*calls]} if calls else {}
        return [answer(completion(text, finish=finish, **further))]
    pieces = [chunk("", role="assistant")]
    if text is not None:
        pieces += [chunk(text[at : at + 5]) for at in range(0, len(text), 5)]
    for index, call in enumerate(calls):
        pieces += _call_pieces(index, call)
    return chunked(events(*pieces, chunk(finish=finish), usage_chunk(USAGE)))


def _call_pieces(index: int, call: _Json) -> list[bytes]:
    """The name first, then its arguments three characters at a time."""
    made = call["function"]
    opening = {**call, "index": index, "function": {"name": made["name"], "arguments": ""}}
    written = made["arguments"]
    parts = [written[at : at + 3] for at in range(0, len(written), 3)]
    return [
        chunk(tool_calls=[opening]),
        *(chunk(tool_calls=[{"index": index, "function": {"arguments": part}}]) for part in parts),
    ]
