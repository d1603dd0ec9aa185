"""Answers of Chat Completions, as clients get them: whole, and as chunks of a stream."""

from typing import Final

import msgspec

from passerelle.core.values.chat import (
    NOTHING,
    CallDelta,
    ChatRequest,
    Choice,
    Completion,
    JsonObject,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.core.values.errors import Refusal
from passerelle.transport.wire import errors
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_thoughts import (
    DETAILS_FIELD,
    TEXT_FIELD,
    detail_of,
    thought_fields,
)
from passerelle.transport.wire.provenance import Provenance
from passerelle.transport.wire.sse import DONE, encode_event

_Json = dict[str, JsonValue]
BESIDE_MESSAGE: Final = frozenset(
    {
        "content_filter_offsets",
        "content_filter_result",
        "content_filter_results",
        "matched_stop",
        "native_finish_reason",
        "seed",
        "stop_reason",
        "token_ids",
    }
)
"""Fields that providers write beside a choice's message; all others stand within it."""
_OURS: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "passerelle"})
_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority"})
_encode = msgspec.json.Encoder().encode


class _UsageObject(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class _CompletionObject(msgspec.Struct, omit_defaults=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Json]
    usage: _UsageObject
    passerelle: Provenance | None = None


def encode_completion(
    heading: Heading, completion: Completion, provenance: Provenance | None
) -> bytes:
    body = _encode(
        _CompletionObject(
            heading.id,
            "chat.completion",
            heading.created,
            heading.model,
            [_choice(index, choice) for index, choice in enumerate(completion.choices)],
            _usage_object(completion.usage),
            provenance,
        )
    )
    return body[:-1] + _further(completion.extras) + b"}"


def encode_error(refusal: Refusal, request_id: str) -> bytes:
    return errors.encode_error(refusal)[:-1] + b',"request_id":' + _encode(request_id) + b"}"


def _choice(index: int, choice: Choice) -> _Json:
    message: _Json = {"role": "assistant", "content": choice.text, "refusal": None}
    written: _Json = {
        "index": index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason,
    }
    if choice.extras:
        within, beside = _parted(choice.extras)
        written["message"] = message = {**within, **message}
        written = {**beside, **written}
    if choice.tool_calls:
        message["tool_calls"] = [_call(call) for call in choice.tool_calls]
    if choice.refusal:
        message["refusal"] = choice.refusal
    if choice.thoughts:
        message |= thought_fields(choice.thoughts)
    if not choice.text and (choice.tool_calls or choice.refusal or "function_call" in message):
        message["content"] = None
    return written


def _call(call: ToolCall) -> _Json:
    function: _Json = {"name": call.name, "arguments": call.arguments or "{}"}
    written: _Json = {"id": call.id, "type": "function", "function": function}
    return written | signed(call.signature)


def signed(signature: str) -> _Json:
    """Where Google's servers of this format look for a call's signature."""
    if not signature:
        return {}
    return {"extra_content": {"google": {"thought_signature": signature}}}


def _parted(extras: JsonObject) -> tuple[_Json, _Json]:
    """Fields within the message, and those beside it."""
    within = {key: value for key, value in extras.items() if key not in BESIDE_MESSAGE}
    return within, {key: extras[key] for key in extras if key not in within}


def _further(extras: JsonObject) -> bytes:
    """Members of the outermost object, each after a comma."""
    if not extras:
        return b""
    shown = {key: value for key, value in extras.items() if key not in _OURS}
    if shown.get("service_tier") not in _TIERS:  # other providers have tiers of their own
        shown.pop("service_tier", None)
    return b"," + _encode(shown)[1:-1] if shown else b""


def _usage_object(usage: Usage) -> _UsageObject:
    details = {"cached_tokens": usage.cached_input_tokens}
    if usage.cache_write_tokens:
        details["cache_write_tokens"] = usage.cache_write_tokens
    return _UsageObject(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens + usage.output_tokens,
        details,
        {"reasoning_tokens": usage.reasoning_tokens},
    )


class ChatWriter:
    """Writes the chunks of one stream as server-sent events.

    The constant head and tail of a chunk are encoded once.
    """

    def __init__(self, heading: Heading, request: ChatRequest) -> None:
        head = _encode(
            {
                "id": heading.id,
                "object": "chat.completion.chunk",
                "created": heading.created,
                "model": heading.model,
            }
        )
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._include_usage = request.include_usage
        # With usage asked for, every other chunk says that it has none.
        self._tail = b'],"usage":null' if request.include_usage else b"]"
        self._text_head = self._head + b'{"index":0,"delta":{"content":'
        self._text_tail = b'},"logprobs":null,"finish_reason":null}' + self._tail + b"}\n\n"
        self._n = request.options.n
        self._calls: dict[tuple[int, int], bool] = {}
        """Choice and place of each call, and whether it has arguments yet."""
        self._thoughts: dict[int, str] = {}
        """What each choice is just thinking."""

    def opening(self) -> bytes:
        delta: _Json = {"role": "assistant", "content": "", "refusal": None}
        return b"".join([self._chunk(index, delta) for index in range(self._n)])

    def piece(self, piece: Piece) -> bytes:
        """b"" when there is nothing to say."""
        if piece.calls or piece.thought or piece.refusal or piece.index:
            return self._rich(piece)
        if piece.logprobs is not None or piece.choice_extras:
            return self._rich(piece)
        if not piece.text:
            return b""
        return self._text_head + _encode(piece.text) + self._text_tail

    def closing(self, completion: Completion, provenance: Provenance | None) -> bytes:
        """Finish reasons and provenance, usage when asked for, and the end mark.

        The content has left before; of `completion` the rest is used.
        """
        parts = [self._arguments_of_calls_without()]
        further = _further(completion.extras)
        last = len(completion.choices) - 1
        for index, choice in enumerate(completion.choices):
            finished: _Json = {
                "index": index,
                "delta": {},
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            parts += [self._head, _encode(finished), self._tail, further]
            if index == last and provenance is not None:
                parts += [b',"passerelle":', _encode(provenance)]
            parts.append(b"}\n\n")
        if self._include_usage:
            usage = _encode(_usage_object(completion.usage))
            parts += [self._head, b'],"usage":', usage, further, b"}\n\n"]
        parts.append(DONE)
        return b"".join(parts)

    def failure(self, refusal: Refusal, request_id: str) -> bytes:
        """Without the end mark: the answer is not whole."""
        return encode_event(encode_error(refusal, request_id))

    def _rich(self, piece: Piece) -> bytes:
        within, beside = _parted(piece.choice_extras)
        delta: _Json = within
        if piece.thought is not None:
            delta |= self._thought(piece.index, piece.thought)
        if piece.text:
            delta["content"] = piece.text
        if piece.refusal:
            delta["refusal"] = piece.refusal
        if piece.calls:
            delta["tool_calls"] = [self._call(piece.index, call) for call in piece.calls]
        if not delta and not beside and piece.logprobs is None:
            return b""
        return self._chunk(piece.index, delta, logprobs=piece.logprobs, beside=beside)

    def _chunk(
        self, index: int, delta: _Json, *, logprobs: JsonValue = None, beside: JsonObject = NOTHING
    ) -> bytes:
        choice = {
            **beside,
            "index": index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": None,
        }
        return self._head + _encode(choice) + self._tail + b"}\n\n"

    def _call(self, choice: int, delta: CallDelta) -> _Json:
        place = (choice, delta.index)
        first = place not in self._calls
        self._calls[place] = self._calls.get(place, False) or bool(delta.arguments)
        function: _Json = {"arguments": delta.arguments}
        written: _Json = {"index": delta.index, "function": function}
        if first:
            function["name"] = delta.name
            written |= {"id": delta.id, "type": "function"}
        return written | signed(delta.signature)

    def _arguments_of_calls_without(self) -> bytes:
        """Clients parse the arguments: of a call that needs none they are an empty object."""
        return b"".join(
            self._chunk(choice, {"tool_calls": [{"index": place, "function": {"arguments": "{}"}}]})
            for (choice, place), given in self._calls.items()
            if not given
        )

    def _thought(self, choice: int, thought: Thought) -> _Json:
        told = self._thoughts.pop(choice, "") + thought.text
        fields: _Json = {TEXT_FIELD: thought.text} if thought.text else {}
        if thought.signature or thought.hidden:
            whole = Thought(told, thought.signature, thought.hidden)
            fields[DETAILS_FIELD] = [detail_of(whole)]
        else:
            self._thoughts[choice] = told
        return fields
