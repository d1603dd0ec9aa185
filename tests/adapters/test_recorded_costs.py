"""From the bytes of a provider's usage to nano-dollars, against prices that somebody else found.

Behind the data: usages recorded from real calls, priced by the authors of the price list.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices import calc_price

from passerelle.adapters.sources.price_list import PriceList
from passerelle.core.values.chat import Completion, Message, Usage
from passerelle.core.values.clock import SetClock
from passerelle.core.values.money import NANO
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.routing.providers import EmbeddingCall
from passerelle.transport.wire import (
    anthropic_answers,
    bedrock_answers,
    cohere_answers,
    cohere_embeddings,
    gemini_answers,
    openai_completions,
    openai_embeddings,
    openai_responses_upstream,
)
from tests.transport.gemini_calls import call_to

_Body = Mapping[str, Any]
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
PRICES = PriceList(SetClock(int(NOON.timestamp() * 1_000)))
ROUNDING = Decimal("0.5")
"""Nano-dollars: of our one division."""
ASKED = call_to("a-model", Message("user", "?"))


def _chat(body: _Body) -> Completion:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}
    return openai_completions.decode_completion(_bytes(body, choices=[choice]))


def _responses(body: _Body) -> Completion:
    return openai_responses_upstream.decode_response(_bytes(body, status="completed", output=[]))


def _anthropic(body: _Body) -> Completion:
    return anthropic_answers.decode_completion(
        _bytes(body, type="message", role="assistant", content=[], stop_reason="end_turn")
    )


def _converse(body: _Body) -> Completion:
    output = {"message": {"role": "assistant", "content": [{"text": "?"}]}}
    return bedrock_answers.decode_completion(
        _bytes(body, output=output, stopReason="end_turn"), ASKED
    )


def _gemini(body: _Body) -> Completion:
    candidate = {"content": {"role": "model", "parts": [{"text": "?"}]}, "finishReason": "STOP"}
    return gemini_answers.decode_completion(_bytes(body, candidates=[candidate]))


def _cohere(body: _Body) -> Completion:
    message = {"role": "assistant", "content": [{"type": "text", "text": "?"}]}
    return cohere_answers.decode_completion(_bytes(body, message=message, finish_reason="COMPLETE"))


def _bytes(body: _Body, **answer: Any) -> bytes:
    return json.dumps({"model": "a-model", **answer, **body}).encode()


def usage_told(body: _Body) -> Usage:
    """By our reader of the format that this is in."""
    told = body.get("usage") or {}
    if "meta" in body:
        vectors = {"embeddings": {"float": [[0.5]]}}
        counted = cohere_embeddings.decode_answer(_bytes(body, **vectors)).tokens
        assert counted is not None
        return Usage(counted)
    if "prompt_tokens" in told and "completion_tokens" not in told:
        vector = {"index": 0, "object": "embedding", "embedding": [0.5]}
        asked = EmbeddingCall("a-model", ("?",), 1.0)
        return openai_embeddings.decode_embeddings(_bytes(body, data=[vector]), asked).usage
    return _reader(body, told)(body).usage


def _reader(body: _Body, told: _Body) -> Callable[[_Body], Completion]:
    if "usageMetadata" in body:
        return _gemini
    if "billed_units" in told:
        return _cohere
    if "inputTokens" in told:
        return _converse
    if "prompt_tokens" in told:
        return _chat
    return _anthropic if "cache_read_input_tokens" in told else _responses


def cost(usage: Usage, provider: str, model: str) -> int | None:
    price = PRICES.price(provider, model)
    return None if price is None else cost_nano(usage, price)


@pytest.mark.parametrize(
    ("provider", "model", "body", "nano"),
    [
        (  # 700 of 1 000 input tokens at 0.15, 300 at 0.075, 200 output tokens at 0.60
            "openai",
            "gpt-4o-mini",
            {
                "usage": {
                    "prompt_tokens": 1_000,
                    "completion_tokens": 200,
                    "prompt_tokens_details": {"cached_tokens": 300},
                    "completion_tokens_details": {"reasoning_tokens": 150},
                }
            },
            105_000 + 22_500 + 120_000,
        ),
        (
            "openai",
            "gpt-4o-mini",
            {
                "usage": {
                    "input_tokens": 1_000,
                    "output_tokens": 200,
                    "input_tokens_details": {"cached_tokens": 300},
                    "output_tokens_details": {"reasoning_tokens": 150},
                }
            },
            105_000 + 22_500 + 120_000,
        ),
        (  # Anthropic counts apart: 100 at 3, 1 000 read at 0.30, 400 written at 3.75, 50 at 15
            "anthropic",
            "claude-sonnet-4-5",
            {
                "usage": {
                    "input_tokens": 100,
                    "cache_read_input_tokens": 1_000,
                    "cache_creation_input_tokens": 400,
                    "output_tokens": 50,
                }
            },
            300_000 + 300_000 + 1_500_000 + 750_000,
        ),
        (  # Gemini counts thoughts apart: 750 at 0.30, 250 read at 0.03, 30 + 70 at 2.50
            "google",
            "gemini-2.5-flash",
            {
                "usageMetadata": {
                    "promptTokenCount": 1_000,
                    "cachedContentTokenCount": 250,
                    "candidatesTokenCount": 30,
                    "thoughtsTokenCount": 70,
                }
            },
            225_000 + 7_500 + 250_000,
        ),
    ],
)
def test_each_class_of_tokens_is_paid_once_at_its_own_rate(
    provider: str, model: str, body: _Body, nano: int
) -> None:
    assert cost(usage_told(body), provider, model) == nano


def test_converse_counts_its_cache_beside_the_input() -> None:
    told = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115}
    cached = {"cacheReadInputTokens": 60, "cacheWriteInputTokens": 40}
    assert usage_told({"usage": told | cached}) == Usage(
        110, 5, cached_input_tokens=60, cache_write_tokens=40
    )


def test_cohere_is_paid_for_billed_units_only() -> None:
    told = {"billed_units": {"input_tokens": 9, "output_tokens": 3}, "tokens": {"input_tokens": 80}}
    assert usage_told({"usage": told}) == Usage(9, 3)
    assert usage_told({"meta": {"billed_units": {"input_tokens": 4}}}) == Usage(4)


@pytest.mark.parametrize(
    "told", [{"prompt_cache_hit_tokens": 6}, {"cached_tokens": 6}, {"num_cached_tokens": 6}]
)
def test_every_server_s_own_name_of_cached_tokens_is_known(told: dict[str, int]) -> None:
    body = {"usage": {"prompt_tokens": 8, "completion_tokens": 1, **told}}
    assert usage_told(body) == Usage(8, 1, cached_input_tokens=6)


# What follows reads the recorded usages.

_CLASSES = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}
"""The list's classes of tokens → ours."""
_APART = {
    "input_audio_tokens": "audio is dearer than text, and our usage does not tell it apart",
    "output_image_tokens": "an image is dearer than text, and our usage does not tell it apart",
    "web_searches": "a search costs by the piece, not by the token",
}
UNREAD = (
    "the authors of the list do not know Mistral's own name of cached tokens, which are cheaper"
)
CHANGED = "the list has changed its price since the recording"
AGREES = "agrees"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Priced:
    """One recorded usage, as one reader of the list's authors understood it."""

    body: _Body
    model: str
    provider: str
    listed: Mapping[str, int]
    recorded: Decimal
    """Nano-dollars."""


def recordings(data: Path) -> list[dict[str, Any]]:
    lines = (data / "prices" / "recorded_usages_with_prices.jsonl").read_text("utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def classes(body: _Body) -> dict[str, int]:
    """As we read them, but for Mistral's name of cached tokens, which the list's authors skip."""
    usage = usage_told(body)
    told = {theirs: getattr(usage, ours) for theirs, ours in _CLASSES.items()}
    if "num_cached_tokens" in body.get("usage", ()):
        del told["cache_read_tokens"]
    return {name: count for name, count in told.items() if count}


def shared(listed: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in listed.items() if count and name in _CLASSES}


def priced(rows: list[dict[str, Any]]) -> Iterator[Priced]:
    """Prices by readers that understood the body as we do: the others read a foreign format."""
    for row in rows:
        ours = classes(row["body"])
        for extracted in row["extracted"]:
            if "model" not in row or shared(extracted["usage"]) != ours:
                continue
            for one in extracted["extractors"]:
                if "input_price" in one:
                    parts = Decimal(one["input_price"]) + Decimal(one["output_price"])
                    total = Decimal(one.get("total_price", parts)) * NANO
                    yield Priced(
                        row["body"], row["model"], one["provider_id"], extracted["usage"], total
                    )


def outcome(each: Priced) -> str:
    ours = cost(usage_told(each.body), each.provider, each.model)
    if ours is None:
        return UNEXPLAINED
    if abs(ours - each.recorded) <= ROUNDING:
        return AGREES
    for name, reason in _APART.items():
        if each.listed.get(name):
            return reason
    if each.body.get("usage", {}).get("num_cached_tokens"):
        return UNREAD
    today = calc_price(
        ListedUsage(**each.listed),
        each.model,
        provider_id=each.provider,
        genai_request_timestamp=NOON,
    )
    return CHANGED if abs(ours - today.total_price * NANO) <= ROUNDING else UNEXPLAINED


def test_every_recorded_usage_is_read_as_the_authors_of_the_list_read_it(data_sets: Path) -> None:
    rows = recordings(data_sets)
    apart = [
        row["body"]["usage"]
        for row in rows
        if all(shared(each["usage"]) != classes(row["body"]) for each in row["extracted"])
    ]
    assert len(rows) > 600
    # Cohere reports more tokens from its cache than it bills; we never count more than the input.
    assert all(told["cached_tokens"] > told["billed_units"]["input_tokens"] for told in apart)
    assert len(apart) == 2


def test_every_recorded_price_is_ours_to_the_nano_dollar_or_explained(data_sets: Path) -> None:
    found = Counter(map(outcome, priced(recordings(data_sets))))
    assert found.pop(AGREES) > 1_000
    assert found == {
        CHANGED: 24,
        UNREAD: 13,
        _APART["input_audio_tokens"]: 12,
        _APART["output_image_tokens"]: 3,
        _APART["web_searches"]: 1,
    }
