"""What a refusal carries, so that whoever asks us about it can be told more."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.providers.replay import Replay
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.routing.providers import ModelCall, ProviderOverloaded
from tests.adapters.canned import CannedServer, gateway_parts, running
from tests.stories.kitchen import PEPPER, Kitchen, kitchen


class Busy(Replay):
    """Has more to do than it can."""

    async def complete(self, call: ModelCall) -> Completion:
        raise ProviderOverloaded(f"Model `{call.model}`.", retry_after_seconds=2)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        yield Piece()
        raise ProviderOverloaded(f"Model `{call.model}`.", retry_after_seconds=2)


@asynccontextmanager
async def opened(kept: Kitchen) -> AsyncGenerator[httpx.AsyncClient, None]:
    def granted(credential: str, permission: Permission) -> Granted:
        who = identify(credential, kept.store.keys, pepper=PEPPER, now_ms=kept.clock.now_ms())
        return authorise(who, permission)

    def parts(server: CannedServer) -> GatewayParts:
        return replace(gateway_parts(server), server=kept.serving, authorise=granted)

    async with (
        running(CannedServer(), parts=parts) as gateway,
        httpx.AsyncClient(
            base_url=gateway.url, headers={"authorization": f"Bearer {kept.key}"}
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_refused_exchange_is_named_in_the_headers(path: str, *, streams: bool) -> None:
    kept = await kitchen(provider=Busy())
    asked = {
        "model": "fees",
        "max_tokens": 9,
        "stream": streams,
        "messages": [{"role": "user", "content": "?"}],
    }
    async with opened(kept) as client:
        answer = await client.post(path, json=asked, headers={"x-request-id": "mine-1"})
    (entry,) = kept.entries()
    assert answer.status_code == 503
    assert answer.headers["x-passerelle-exchange"] == entry.subject
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["retry-after"] == "2"


async def test_refusal_before_any_exchange_names_the_request_alone() -> None:
    async with opened(await kitchen()) as client:
        answer = await client.post("/v1/chat/completions", content=b"{")
    assert answer.status_code == 400
    assert "x-passerelle-exchange" not in answer.headers
    assert answer.headers["x-request-id"].startswith("req_")
