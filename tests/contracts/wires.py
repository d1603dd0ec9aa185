"""What each upstream puts on the wire for one and the same answer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from passerelle.adapters.providers.anthropic import Anthropic
from passerelle.adapters.providers.azure import azure_openai
from passerelle.adapters.providers.bedrock import BearerKey, Bedrock, Endpoint
from passerelle.adapters.providers.cohere import Cohere
from passerelle.adapters.providers.google import Gemini
from passerelle.adapters.providers.openai_style import OpenAIStyle
from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import SystemClock
from passerelle.domain.routing.providers import Provider
from passerelle.transport.egress.connections import Connections
from tests.adapters import bedrock_frames as frames
from tests.adapters import wire_answers as openai
from tests.adapters.upstream import Seen

KEY = "sk-secret-of-ours"
TEXT = "Keys carry a checksum. Schlüssel auch. 鍵も。🙂"
_WORDS = [TEXT[start : start + 5] for start in range(0, len(TEXT), 5)]


@dataclass(frozen=True)
class Wire:
    """One upstream's way to say `TEXT`."""

    name: str
    make: Callable[[str], Provider]
    """From the upstream's address."""
    whole: bytes
    stream: Sequence[bytes]
    """One event each."""
    usage: Usage
    model: str
    """As the upstream tells it; empty where it does not."""
    streams: Callable[[Seen], bool] = lambda seen: seen.json.get("stream") is True
    """Did the request ask for a stream?"""
    stream_type: str = "text/event-stream"
    error: bytes = json.dumps({"message": "told"}).encode()


def _event(body: Any) -> bytes:
    kind = f"event: {body['type']}\n" if "type" in body else ""
    return f"{kind}data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


_OPENAI = Wire(
    name="openai_style",
    make=lambda url: OpenAIStyle("acme", url, KEY, Connections()),
    whole=openai.completion(TEXT),
    stream=[
        *(openai.events(each, done=False) for each in openai.told(TEXT)),
        b"data: [DONE]\n\n",
    ],
    usage=Usage(20, 6, cached_input_tokens=16, reasoning_tokens=2),
    model="replay-1",
    error=openai.error("told"),
)
_AZURE = Wire(
    name="azure",
    make=lambda url: azure_openai("acme", url, Connections(), api_key=KEY),
    whole=_OPENAI.whole,
    stream=_OPENAI.stream,
    usage=_OPENAI.usage,
    model=_OPENAI.model,
    error=_OPENAI.error,
)


def _anthropic() -> Wire:
    usage = {"input_tokens": 4, "cache_read_input_tokens": 16, "output_tokens": 6}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "replay-1"}
    said = {"content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"}
    block = {"type": "content_block_start", "index": 0}
    delta = {"type": "content_block_delta", "index": 0}
    return Wire(
        name="anthropic",
        make=lambda url: Anthropic("acme", url, KEY, Connections()),
        whole=_json({**message, **said, "usage": usage}),
        stream=[
            _event(
                {"type": "message_start", "message": {**message, "content": [], "usage": usage}}
            ),
            _event({**block, "content_block": {"type": "text", "text": ""}}),
            *(_event({**delta, "delta": {"type": "text_delta", "text": word}}) for word in _WORDS),
            _event({"type": "content_block_stop", "index": 0}),
            _event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
            _event({"type": "message_stop"}),
        ],
        usage=Usage(20, 6, cached_input_tokens=16),
        model="replay-1",
        error=_json({"type": "error", "error": {"type": "api_error", "message": "told"}}),
    )


def _gemini() -> Wire:
    usage = {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 16,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 26,
    }

    def told(text: str, **fields: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        candidate = {"content": content, **fields}
        return {"candidates": [candidate], "modelVersion": "replay-1"}

    return Wire(
        name="gemini",
        make=lambda url: Gemini("acme", f"{url}/v1beta", KEY, Connections()),
        whole=_json({**told(TEXT, finishReason="STOP"), "usageMetadata": usage}),
        stream=[
            *(_event(told(word)) for word in _WORDS[:-1]),
            _event({**told(_WORDS[-1], finishReason="STOP"), "usageMetadata": usage}),
        ],
        usage=Usage(20, 6, cached_input_tokens=16, reasoning_tokens=2),
        model="replay-1",
        streams=lambda seen: ":streamGenerateContent" in seen.head,
        error=_json({"error": {"message": "told"}}),
    )


def _cohere() -> Wire:
    usage = {"billed_units": {"input_tokens": 20, "output_tokens": 6}, "cached_tokens": 16}
    content = [{"type": "text", "text": TEXT}]
    ended = {"finish_reason": "COMPLETE", "usage": usage}
    delta = {"type": "content-delta", "index": 0}
    return Wire(
        name="cohere",
        make=lambda url: Cohere("acme", url, KEY, Connections()),
        whole=_json({"id": "c", "message": {"role": "assistant", "content": content}, **ended}),
        stream=[
            _event({"type": "message-start", "delta": {"message": {"role": "assistant"}}}),
            *(
                _event({**delta, "delta": {"message": {"content": {"text": word}}}})
                for word in _WORDS
            ),
            _event({"type": "content-end", "index": 0}),
            _event({"type": "message-end", "delta": ended}),
        ],
        usage=Usage(20, 6, cached_input_tokens=16),
        model="",
    )


def _bedrock() -> Wire:
    usage = {"inputTokens": 4, "cacheReadInputTokens": 16, "outputTokens": 6, "totalTokens": 26}
    content = {"role": "assistant", "content": [{"text": TEXT}]}
    return Wire(
        name="bedrock",
        make=lambda url: Bedrock(
            "acme", Endpoint(url, "eu-west-3", BearerKey(KEY)), Connections(), SystemClock()
        ),
        whole=_json({"output": {"message": content}, "stopReason": "end_turn", "usage": usage}),
        stream=[
            frames.OPENING,
            *(frames.delta(0, text=word) for word in _WORDS),
            frames.stop(0),
            frames.end(),
            frames.frame("metadata", {"usage": usage}),
        ],
        usage=Usage(20, 6, cached_input_tokens=16),
        model="",
        streams=lambda seen: "/converse-stream" in seen.head,
        stream_type=frames.STREAMED,
    )


WIRES = (_OPENAI, _AZURE, _anthropic(), _gemini(), _cohere(), _bedrock())
