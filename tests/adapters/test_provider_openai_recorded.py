"""Every recorded call of a server of OpenAI's style, through all that we do with one.

No other service recorded itself here so often: OpenAI, Azure, Groq, Mistral, DeepSeek,
OpenRouter, xAI's and Google's compatible addresses, local servers, and proxies of others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.providers.dialects import dialect_of
from passerelle.adapters.providers.pieces import Gathering
from passerelle.adapters.providers.upstream_faults import failure_of_status, failure_told
from passerelle.core.values.chat import ChatRequest, Completion, Piece, Usage
from passerelle.domain.routing.providers import (
    ModelCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
)
from passerelle.transport.wire.errors import decode_error
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_answers import ChatWriter, encode_completion
from passerelle.transport.wire.openai_calls import Dialect, encode_request
from passerelle.transport.wire.openai_chat import decode_request
from passerelle.transport.wire.openai_chunks import ChatReader
from passerelle.transport.wire.openai_completions import (
    ErrorTold,
    decode_completion,
    says_something,
)
from passerelle.transport.wire.sse import EventReader
from tests.openapi import openai_description
from tests.recordings import Recorded, recorded

HEADING = Heading("exc_1", 1_700_000_000, "m")
KINDS = {
    "openai.com": "openai",
    "azure.com": "openai",
    "openrouter.ai": "openrouter",
    "groq.com": "groq",
    "mistral.ai": "mistral",
    "deepseek.com": "deepseek",
    "ollama": "ollama",
    "localhost:11434": "ollama",
    "crusoecloud.com": "vllm",
}


@pytest.fixture(scope="module")
def calls(data_sets: Path) -> tuple[Recorded, ...]:
    found = recorded(data_sets, r"chat/completions")
    spoken = tuple(call for call in found if "json" in _type(call) or call.streamed)
    assert len(spoken) > 100
    return spoken


def _type(call: Recorded) -> str:
    return call.headers.get("content-type", "")


def _dialect(call: Recorded) -> Dialect:
    if "googleapis.com" in call.uri:
        return Dialect(call_signatures=True)
    return dialect_of(next((kind for host, kind in KINDS.items() if host in call.uri), ""))


def _model_call(call: Recorded) -> ModelCall:
    asked = decode_request(call.request_body)
    return ModelCall(
        model=asked.model,
        messages=asked.messages,
        question=asked.question,
        hits=(),
        sentences=1,
        refuse_below=0.0,
        refusal="",
        deadline_seconds=1.0,
        options=asked.options,
    )


def _answered(calls: Sequence[Recorded], *, streamed: bool) -> Iterator[Recorded]:
    return (call for call in calls if call.status == 200 and call.streamed is streamed)


def test_every_request_is_read_and_written_without_loss(calls: Sequence[Recorded]) -> None:
    for call in calls:
        asked = _model_call(call)
        sent = json.loads(call.request_body)
        written = json.loads(encode_request(asked, _dialect(call), stream=bool(sent["stream"])))
        assert _plain(written) == _plain(sent), call


def _plain(body: Any) -> Any:
    """A request without what says nothing, in the form that we write where there are several."""
    if isinstance(body, list):
        return [_plain(each) for each in body]
    if not isinstance(body, dict):
        return body
    plain = {key: _plain(value) for key, value in body.items() if value not in (None, "", [])}
    if plain.get("stream") is False:
        del plain["stream"]
    if plain.get("n") == 1:
        del plain["n"]
    plain.pop("stream_options", None)  # we ask for usage where nobody else does
    content = plain.get("content")
    if isinstance(content, list) and len(content) == 1 and content[0].keys() == {"type", "text"}:
        plain["content"] = content[0]["text"]
    if "function" in plain:  # also a tool, and the choice of one
        plain.setdefault("type", "function")
    return plain


def test_every_whole_answer_is_read(calls: Sequence[Recorded]) -> None:
    for call in _answered(calls, streamed=False):
        got = decode_completion(call.body)
        body = json.loads(call.body)
        assert got.model == body["model"], call
        assert got.usage == _told(body["usage"]), call
        assert len(got.choices) == len(body["choices"])
        for choice, raw in zip(got.choices, body["choices"], strict=True):
            message = raw["message"]
            assert choice.text == _text(message.get("content")), call
            assert _calls(choice.tool_calls) == [
                (each["id"] or "call_0", each["function"]["name"], each["function"]["arguments"])
                for each in message.get("tool_calls") or ()
            ]
            thought = message.get("reasoning_content") or message.get("reasoning") or ""
            thought = thought or _thinking(message.get("content"))
            assert "".join(each.text for each in choice.thoughts) == thought


def _text(content: Any) -> str:
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    return "".join(part["text"] for part in parts if part["type"] == "text")


def _thinking(content: Any) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(
        inner["text"] for part in parts if part["type"] == "thinking" for inner in part["thinking"]
    )


def _calls(calls: Any) -> list[tuple[str, str, str]]:
    return [(call.id, call.name, call.arguments) for call in calls]


def _told(usage: Mapping[str, Any]) -> Usage:
    given = usage.get("prompt_tokens_details") or {}
    made = usage.get("completion_tokens_details") or {}
    names = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
    elsewhere = next((usage[name] for name in names if name in usage), 0)
    return Usage(
        usage["prompt_tokens"],
        usage.get("completion_tokens", 0),
        given.get("cached_tokens") or elsewhere,
        given.get("cache_write_tokens") or 0,
        made.get("reasoning_tokens") or 0,
    )


def test_no_field_of_a_whole_answer_is_lost_on_its_way_to_the_client(
    calls: Sequence[Recorded], data_sets: Path
) -> None:
    description = openai_description(data_sets)
    for call in _answered(calls, streamed=False):
        got = decode_completion(call.body)
        written = encode_completion(HEADING, got, None)
        # OpenRouter annotates with files too, of which OpenAI's description knows nothing.
        if b'"type": "file"' not in call.body:
            description.validate("CreateChatCompletionResponse", written)
        again = decode_completion(written)
        assert (again.choices, again.usage) == (got.choices, got.usage), call
        sent, body = json.loads(written), json.loads(call.body)
        assert _names(body) - _RENAMED <= _names(sent), call
        for told, raw in zip(sent["choices"], body["choices"], strict=True):
            assert _names(raw) - _MOVED <= _names(told) | _names(told["message"])
            assert _names(raw["message"]) - _RENAMED <= _names(told["message"]), call


_RENAMED = frozenset({"reasoning", "service_tier"})
"""Written as `reasoning_content`; and tiers that OpenAI does not know."""
_MOVED = frozenset({"finish_reason"})


def _names(told: Mapping[str, Any]) -> set[str]:
    return {key for key, value in told.items() if says_something(value)}


def _pieces(call: Recorded, size: int = 1_000_000) -> list[Piece]:
    reader = ChatReader(_model_call(call))
    parts = [call.body[start : start + size] for start in range(0, len(call.body), size)]
    return [*(piece for part in parts for piece in reader.push(part)), *reader.finish()]


def _gathered(pieces: Sequence[Piece]) -> Completion:
    gathering = Gathering()
    (whole,) = filter(None, [gathering.add(piece) for piece in pieces])
    return whole


def _good_streams(calls: Sequence[Recorded]) -> list[Recorded]:
    found = [call for call in _answered(calls, streamed=True) if b'"error"' not in call.body]
    assert len(found) > 5
    return found


def test_every_stream_is_read(calls: Sequence[Recorded]) -> None:
    for call in _good_streams(calls):
        got = _gathered(_pieces(call))
        chunks = [
            json.loads(event.data)
            for event in EventReader().push(call.body)
            if event.data != b"[DONE]"
        ]
        deltas = [each["choices"][0]["delta"] for each in chunks if each["choices"]]
        assert got.text == "".join(_text(delta.get("content")) for delta in deltas), call
        arguments = [
            part["function"].get("arguments") or ""
            for delta in deltas
            for part in delta.get("tool_calls") or ()
        ]
        assert "".join(each.arguments for each in got.choices[0].tool_calls) == "".join(arguments)
        usages = [each.get("usage") or each.get("x_groq", {}).get("usage") for each in chunks]
        told = [_told(usage) for usage in usages if usage]
        assert got.usage == told[-1] if told else got.usage.estimated, call
        assert got.model == chunks[0]["model"]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_every_stream_is_read_however_it_is_cut(calls: Sequence[Recorded], size: int) -> None:
    for call in _good_streams(calls):
        assert _pieces(call, size) == _pieces(call), call


def test_nothing_of_a_stream_is_lost_on_its_way_to_the_client(
    calls: Sequence[Recorded], data_sets: Path
) -> None:
    description = openai_description(data_sets)
    for call in _good_streams(calls):
        pieces = _pieces(call)
        got = _gathered(pieces)
        asked = ChatRequest("m", (), stream=True, include_usage=True)
        writer = ChatWriter(HEADING, asked)
        written = [writer.opening(), *map(writer.piece, pieces), writer.closing(got, None)]
        for event in EventReader().push(b"".join(written))[:-1]:
            description.validate("CreateChatCompletionStreamResponse", event.data)
        reader = ChatReader(_model_call(call))
        again = _gathered([*reader.push(b"".join(written)), *reader.finish()])
        assert again.choices == got.choices, call
        assert _without_tier(again) == _without_tier(got)
        if not got.usage.estimated:
            assert again.usage == got.usage


def _without_tier(completion: Completion) -> dict[str, object]:
    return {key: value for key, value in completion.extras.items() if key != "service_tier"}


def test_every_error_is_told_as_what_it_is(calls: Sequence[Recorded]) -> None:
    refused = [call for call in calls if call.status != 200]
    assert {call.status for call in refused} >= {400, 404, 429}
    for call in refused:
        failure = failure_of_status(
            call.status, call.headers, decode_error(call.body), ("acme", "key")
        )
        own_fault = b"tool_use_failed" in call.body
        assert type(failure) is (ProviderFailed if own_fault else EXPECTED[call.status]), call
        told = json.loads(call.body)["error"]
        if isinstance(failure, ProviderRefused):
            assert told["message"][:40] in failure.message


EXPECTED = {
    400: ProviderRefused,
    404: ProviderMisconfigured,
    429: ProviderOverloaded,
}


def test_every_error_within_a_stream_is_told_as_what_it_is(calls: Sequence[Recorded]) -> None:
    broken = [call for call in _answered(calls, streamed=True) if b'"error"' in call.body]
    assert broken
    for call in broken:
        with pytest.raises(ErrorTold) as caught:
            _pieces(call)
        failure = failure_told(caught.value.told, ("acme", "key"))
        assert type(failure) is ProviderFailed, call
