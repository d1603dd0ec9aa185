"""Items of a streamed response while they grow, and the events that tell of it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonObject, JsonValue, Thought, ToolCall
from passerelle.transport.wire.openai_responses_answers import (
    annotations_of,
    logprobs_of,
    message_item,
)
from passerelle.transport.wire.openai_responses_items import call_item
from passerelle.transport.wire.openai_responses_thoughts import reasoning_item

_Json = dict[str, JsonValue]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_TEXT: Final = "output_text"
_REFUSAL: Final = "refusal"


class Events:
    """Writes events and counts them."""

    def __init__(self) -> None:
        self._next = 0

    def event(self, kind: str, fields: Mapping[str, object]) -> bytes:
        data = _encode({"type": kind, **fields, "sequence_number": self._next})
        self._next += 1
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)

    def added(self, place: int, item: _Json) -> bytes:
        return self.event("response.output_item.added", {"output_index": place, "item": item})

    def done(self, place: int, item: _Json) -> bytes:
        return self.event("response.output_item.done", {"output_index": place, "item": item})


class Passed:
    """An item that we do not interpret: it comes as a whole."""

    ended = True

    def __init__(self, events: Events, place: int, item: _Json) -> None:
        self._events = events
        self._place = place
        self.item = item

    def begin(self) -> bytes:
        added = self._events.added(self._place, self.item)
        return added + self._events.done(self._place, self.item)

    def end(self, _status: str) -> bytes:
        return b""


class GrowingThought:
    """A reasoning item; what is shown of it is its summary."""

    def __init__(self, events: Events, place: int, seed: str) -> None:
        self._events = events
        self._place = place
        self._id = f"rs_{seed}_{place}"
        self._at: _Json = {"item_id": self._id, "output_index": place, "summary_index": 0}
        self._texts: list[str] = []
        self._opaque = Thought()
        self.item: _Json = reasoning_item(self._opaque, self._id)
        self.ended = False

    def begin(self) -> bytes:
        return self._events.added(self._place, self.item)

    def think(self, thought: Thought) -> bytes:
        """A delta. A signature or a hidden thought is its last."""
        out = b""
        if thought.text:
            if not self._texts:
                out += self._part("added", "")
            self._texts.append(thought.text)
            delta: _Json = {**self._at, "delta": thought.text}
            out += self._events.event("response.reasoning_summary_text.delta", delta)
        if thought.signature or thought.hidden:
            self._opaque = thought
            out += self.end()
        return out

    def end(self, _status: str = "") -> bytes:
        if self.ended:
            return b""
        self.ended = True
        text, out = "".join(self._texts), b""
        if text:
            whole: _Json = {**self._at, "text": text}
            out += self._events.event("response.reasoning_summary_text.done", whole)
            out += self._part("done", text)
        sealed = Thought(text, self._opaque.signature, self._opaque.hidden)
        self.item = reasoning_item(sealed, self._id)
        return out + self._events.done(self._place, self.item)

    def _part(self, what: str, text: str) -> bytes:
        part: _Json = {"type": "summary_text", "text": text}
        return self._events.event(
            f"response.reasoning_summary_part.{what}", {**self._at, "part": part}
        )


class GrowingCall:
    """A call of a function."""

    def __init__(self, events: Events, place: int, seed: str, call: ToolCall) -> None:
        self._events = events
        self._place = place
        self._id = f"fc_{seed}_{place}"
        self._call = call
        self._arguments: list[str] = []
        self.item = self._as_item("", "in_progress")
        self.ended = False

    def begin(self) -> bytes:
        return self._events.added(self._place, self.item)

    def grow(self, arguments: str, signature: str) -> bytes:
        if signature:
            self._call = ToolCall(self._call.id, self._call.name, "", signature)
        if not arguments:
            return b""
        self._arguments.append(arguments)
        delta: _Json = {"item_id": self._id, "output_index": self._place, "delta": arguments}
        return self._events.event("response.function_call_arguments.delta", delta)

    @property
    def whole(self) -> bool:
        """Is it JSON that nothing can be added to?"""
        try:
            return isinstance(_decode("".join(self._arguments)), dict)
        except msgspec.DecodeError:
            return False

    def end(self, status: str) -> bytes:
        if self.ended:
            return b""
        self.ended = True
        # Clients parse the arguments: of a call that needs none they are an empty object.
        out = b"" if self._arguments else self.grow("{}", "")
        arguments = "".join(self._arguments)
        self.item = self._as_item(arguments, status)
        told: _Json = {
            "item_id": self._id,
            "name": self._call.name,
            "output_index": self._place,
            "arguments": arguments,
        }
        done = self._events.event("response.function_call_arguments.done", told)
        return out + done + self._events.done(self._place, self.item)

    def _as_item(self, arguments: str, status: str) -> _Json:
        call = ToolCall(self._call.id, self._call.name, arguments, self._call.signature)
        return {**call_item(call), "id": self._id, "status": status}


class GrowingMessage:
    """A message: a part of text, a part of refusal, or both after each other."""

    def __init__(self, events: Events, place: int, seed: str) -> None:
        self._events = events
        self._place = place
        self._id = f"msg_{seed}_{place}"
        self._content: list[JsonValue] = []
        self._part: _Json = {}
        """The part that is open."""
        self._texts: list[str] = []
        # Parts hold these two lists, so that what is told late still reaches its part.
        self._logprobs: list[JsonValue] = []
        self._annotations: list[JsonValue] = []
        self.item = message_item([], self._id, "in_progress", {})
        self.ended = False

    def begin(self) -> bytes:
        return self._events.added(self._place, self.item)

    def say(self, text: str, logprobs: JsonValue) -> bytes:
        out = self._turn_to(_TEXT)
        self._texts.append(text)
        told = logprobs_of(logprobs)
        self._logprobs += told
        return out + self._event("output_text.delta", {"delta": text, "logprobs": told})

    def refuse(self, text: str) -> bytes:
        out = self._turn_to(_REFUSAL)
        self._texts.append(text)
        return out + self._event("refusal.delta", {"delta": text})

    def note(self, logprobs: JsonValue, extras: JsonObject) -> None:
        """What is told without words: it shows where the item ends, or in the response."""
        self._logprobs += logprobs_of(logprobs)
        self._annotations += annotations_of(extras)
        self.item.update(message_item(self._content, self._id, str(self.item["status"]), extras))

    def end(self, status: str) -> bytes:
        if self.ended:
            return b""
        self.ended = True
        out = self._turn_to("")
        self.item.update(content=self._content, status=status)
        return out + self._events.done(self._place, self.item)

    def _turn_to(self, kind: str) -> bytes:
        """Ends the open part, if it is another, and opens one of the kind."""
        if self._part.get("type", "") == kind:
            return b""
        out = self._end_part() if self._part else b""
        self._texts = []
        self._part = self._new_part(kind) if kind else {}
        if kind:
            self._content.append(self._part)
            out += self._event("content_part.added", {"part": self._part})
        return out

    def _new_part(self, kind: str) -> _Json:
        if kind == _REFUSAL:
            return {"type": kind, "refusal": ""}
        if any(isinstance(part, dict) and part["type"] == _TEXT for part in self._content):
            self._logprobs, self._annotations = [], []
        told: _Json = {"annotations": self._annotations, "logprobs": self._logprobs}
        return {"type": kind, "text": "", **told}

    def _end_part(self) -> bytes:
        text, out = "".join(self._texts), b""
        if self._part["type"] == _REFUSAL:
            self._part["refusal"] = text
            out = self._event("refusal.done", {"refusal": text})
        else:
            self._part["text"] = text
            for number, annotation in enumerate(self._annotations):
                told: _Json = {"annotation_index": number, "annotation": annotation}
                out += self._event("output_text.annotation.added", told)
            out += self._event("output_text.done", {"text": text, "logprobs": self._logprobs})
        return out + self._event("content_part.done", {"part": self._part})

    def _event(self, kind: str, fields: _Json) -> bytes:
        place: _Json = {
            "item_id": self._id,
            "output_index": self._place,
            "content_index": len(self._content) - 1,
        }
        return self._events.event(f"response.{kind}", {**place, **fields})
