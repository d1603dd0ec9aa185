"""Limits as clients see them: headers on every answer, and refusals that they obey."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx
import openai
import pytest

from passerelle.adapters.gateway.limit_headers import go_duration, limit_headers
from passerelle.core.values.clock import SetClock
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import NO_LIMITS, RateStanding, Window
from tests.adapters.messages_gateway import MODEL, Served, over_openai
from tests.adapters.obliging_model import oblige
from tests.adapters.upstream import answer
from tests.adapters.wire_answers import USAGE

LIMITED = Budget(requests_per_minute=60, tokens_per_minute=100_000)
ASK: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Which fees?"}]}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SMALL = ASK | {"max_tokens": 5}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (-1, "0s"),
        (0.0001, "1ms"),
        (0.017, "17ms"),
        (0.9999, "1s"),
        (1, "1s"),
        (1.5, "1.5s"),
        (59.25, "59.25s"),
        (60, "1m0s"),
        (360, "6m0s"),
        (61.007, "1m1.007s"),
        (3_600, "1h0m0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, written: str) -> None:
    assert go_duration(seconds) == written


def test_nothing_is_told_where_nothing_is_limited() -> None:
    assert limit_headers(NO_LIMITS, CHAT, SetClock()) == ()


def test_anthropic_clients_are_told_the_time_at_which_all_is_free_again() -> None:
    standing = RateStanding(tokens=Window(100, 40, 36.2))
    told = dict(limit_headers(standing, MESSAGES, SetClock(1_700_000_000_000)))
    assert told == {
        b"anthropic-ratelimit-tokens-limit": b"100",
        b"anthropic-ratelimit-tokens-remaining": b"40",
        b"anthropic-ratelimit-tokens-reset": b"2023-11-14T22:13:57Z",
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_tell_what_is_left_of_the_minute(*, stream: bool) -> None:
    async with over_openai(oblige, budget=LIMITED) as served:
        first = await post(served, CHAT, SMALL | {"stream": stream})
        second = await post(served, CHAT, SMALL | {"stream": stream})
    told = second.headers
    assert told["x-ratelimit-limit-requests"] == "60"
    assert told["x-ratelimit-limit-tokens"] == "100000"
    remaining = int(told["x-ratelimit-remaining-requests"])
    assert 58 <= remaining <= 59
    assert int(first.headers["x-ratelimit-remaining-requests"]) == 59
    assert told["x-ratelimit-reset-requests"].endswith("s")
    assert 0 < int(told["x-ratelimit-remaining-tokens"]) < 100_000
    assert ("openai-processing-ms" in told) is not stream


async def test_messages_tell_it_in_the_headers_of_their_own_clients() -> None:
    async with over_openai(oblige, budget=LIMITED) as served:
        told = (await post(served, MESSAGES, SMALL)).headers
    assert told["anthropic-ratelimit-requests-limit"] == "60"
    assert told["anthropic-ratelimit-requests-remaining"] == "59"
    free = datetime.fromisoformat(told["anthropic-ratelimit-tokens-reset"])
    assert abs((free - datetime.now(UTC)).total_seconds()) < 5
    assert not [name for name in told if "x-ratelimit" in name or "processing" in name]


async def test_embeddings_tell_it_too() -> None:
    vectors = {"data": [{"index": 0, "embedding": [0.5]}], "model": "e", "usage": USAGE}
    script = [answer(json.dumps(vectors).encode())]
    async with over_openai(lambda _: script, budget=LIMITED) as served:
        response = await post(served, "/v1/embeddings", {"model": MODEL, "input": "Fees"})
    assert response.headers["x-ratelimit-limit-requests"] == "60"


async def test_unlimited_answers_tell_of_no_limit() -> None:
    async with over_openai(oblige) as served:
        response = await post(served, CHAT, SMALL)
    assert not [name for name in response.headers if "ratelimit" in name]
    assert int(response.headers["openai-processing-ms"]) >= 0


@pytest.mark.parametrize(
    ("path", "limit", "reset"),
    [
        (CHAT, "x-ratelimit-limit-requests", "x-ratelimit-reset-requests"),
        (MESSAGES, "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-reset"),
    ],
)
async def test_refusal_says_when_to_come_back(path: str, limit: str, reset: str) -> None:
    async with over_openai(oblige, budget=Budget(requests_per_minute=1)) as served:
        await post(served, path, SMALL)
        refused = await post(served, path, SMALL)
    assert refused.status_code == 429
    told = refused.headers
    assert 55 <= int(told["retry-after"]) <= 60
    assert 55_000 <= int(told["retry-after-ms"]) <= 60_000
    assert (told[limit], "x-should-retry" in told) == ("1", False)
    assert reset in told
    assert refused.json()["error"]["type"] == "rate_limit_error"


async def test_request_that_no_minute_can_bear_is_not_tried_again() -> None:
    async with over_openai(oblige, budget=Budget(tokens_per_minute=100)) as served:
        refused = await post(served, CHAT, ASK | {"max_tokens": 1_000})
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.headers["x-should-retry"] == "false"
    assert "max_tokens" in refused.json()["error"]["message"]


Asking = Callable[[Served], AbstractAsyncContextManager[Callable[[], Any]]]


@asynccontextmanager
async def by_openai(served: Served) -> AsyncGenerator[Callable[[], Any], None]:
    async with served.openai(max_retries=3) as client:
        yield lambda: client.chat.completions.create(**SMALL)


@asynccontextmanager
async def by_anthropic(served: Served) -> AsyncGenerator[Callable[[], Any], None]:
    async with served.anthropic(max_retries=3) as client:
        yield lambda: client.messages.create(**SMALL)


CLIENTS = pytest.mark.parametrize("client", [by_openai, by_anthropic])


@CLIENTS
async def test_clients_wait_as_they_are_told_and_then_succeed(client: Asking) -> None:
    budget = Budget(requests_per_minute=120)
    async with over_openai(oblige, budget=budget) as served, client(served) as ask:
        use_up(served, 119)
        for _ in range(3):
            await ask()
        waited = [told for told in served.kitchen.entries() if b"rate_limit" in told.facts]
    assert len(served.upstream.seen) == 3
    assert 1 <= len(waited) <= 3  # each was refused once at most, and waited long enough


@CLIENTS
async def test_clients_do_not_ask_again_once_a_budget_is_spent(client: Asking) -> None:
    budget = Budget(day_requests=1)
    async with over_openai(oblige, budget=budget) as served, client(served) as ask:
        await ask()
        with pytest.raises((openai.RateLimitError, anthropic.RateLimitError), match="Limit of"):
            await ask()
        entries = served.kitchen.entries()
    assert len(entries) == 2  # the one that was answered, and one refusal: no retries
    assert len(served.upstream.seen) == 1


def use_up(served: Served, requests: int) -> None:
    """As if the caller had asked so often just now."""
    parts, it = served.kitchen.parts, served.kitchen
    (key,) = parts.keys.all("acme")
    draws = parts.accounts.draws(it.deployment, key.principal, key)
    for _ in range(requests):
        parts.rates.take(draws.rates, tokens=1, now_ns=parts.clock.monotonic_ns())


async def post(served: Served, path: str, body: Mapping[str, Any]) -> httpx.Response:
    headers = {"authorization": f"Bearer {served.kitchen.key}"}
    async with httpx.AsyncClient(base_url=served.url) as client:
        response = await client.post(path, json=dict(body), headers=headers)
        await response.aread()
        return response
