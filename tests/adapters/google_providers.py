"""Providers of Google's models at upstreams that check who asks, and what to have them answer."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from passerelle.adapters.providers.google import Gemini, Vertex
from passerelle.adapters.providers.vertex_models import Place
from passerelle.core.values.chat import Message
from passerelle.core.values.clock import SystemClock
from passerelle.domain.routing.providers import (
    ModelCall,
    Provider,
    ProviderFailed,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.jwt_bearer import JwtBearer, service_account
from tests.adapters.google_upstream import (
    API_KEY,
    TokenEndpoint,
    gemini_upstream,
    key_file,
    vertex_upstream,
)
from tests.adapters.signed_upstream import Answer, Cut, SignedUpstream
from tests.adapters.upstream import Seen
from tests.recordings import Recorded
from tests.transport.gemini_calls import call_of, call_to, in_camels

USER = Message("user", "How warm is it in Oslo?")
FLASH = call_to("gemini-2.5-flash", USER)
USAGE = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}
STREAMS = (("content-type", "text/event-stream"),)


def said(*parts: Any, reason: str = "STOP") -> dict[str, Any]:
    candidate: Any = {"content": {"role": "model", "parts": [*parts]}}
    candidate |= {"finishReason": reason} if reason else {}
    told = {"candidates": [candidate], "usageMetadata": USAGE, "responseId": "r-1"}
    return told | {"modelVersion": "gemini-2.5-flash-001"}


def as_json(told: Any) -> Answer:
    return Answer(json.dumps(told).encode())


def as_events(*told: Any) -> Answer:
    body = b"".join(b"data: %s\r\n\r\n" % json.dumps(each).encode() for each in told)
    return Answer(body, headers=STREAMS)


def always(answer: Answer) -> Callable[[Seen], Answer]:
    return lambda _: answer


@asynccontextmanager
async def gemini_of(
    answers: Callable[[Seen], Answer], *, key: str = API_KEY, cut: Cut = "whole"
) -> AsyncGenerator[tuple[Gemini, SignedUpstream], None]:
    async with gemini_upstream(answers, cut=cut) as there:
        provider = Gemini("gemini", f"{there.url}/v1beta", key, Connections())
        yield provider, there
        await provider.close()


@asynccontextmanager
async def vertex_of(
    answers: Callable[[Seen], Answer], *, cut: Cut = "whole", **changes: Any
) -> AsyncGenerator[tuple[Vertex, SignedUpstream, TokenEndpoint], None]:
    """Changes are of the service account's file."""
    connections = Connections()
    async with vertex_upstream(answers, cut=cut) as (there, endpoint):
        account = service_account(key_file(endpoint.url, **changes))
        tokens = JwtBearer(account, connections, SystemClock())
        place = Place("project-1", "europe-west1", there.url)
        provider = Vertex("vertex", place, tokens, connections)
        yield provider, there, endpoint
        await provider.close()


async def failure_of(provider: Provider, call: ModelCall = FLASH) -> ProviderFailed:
    with pytest.raises(ProviderFailed) as caught:
        await provider.complete(call)
    with pytest.raises(ProviderFailed) as streamed:
        [piece async for piece in provider.stream(call)]
    assert type(streamed.value) is type(caught.value)
    return caught.value


async def broken(provider: Provider, call: ModelCall) -> tuple[list[str], ProviderFailed | None]:
    """What a stream gave out before it failed, and how."""
    got: list[str] = []
    try:
        async for piece in provider.stream(call):
            got += [piece.text]
    except ProviderFailed as failure:
        return got, failure
    return got, None


def request_of(each: Recorded) -> ModelCall:
    model = each.uri.rpartition("/models/")[2].partition(":")[0]
    return call_of(in_camels(json.loads(each.request_body)), model)
