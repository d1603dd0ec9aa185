"""A client that leaves stops what is done for it, and what was done stays on record."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.providers.replay import Replay
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.routing.providers import ModelCall
from tests.adapters.canned import CannedServer, gateway_parts, running, until
from tests.stories.kitchen import ANSWER, PEPPER, kitchen


class Pensive(Replay):
    """Thinks for so long that nobody waits for it."""

    def __init__(self) -> None:
        super().__init__(default=ANSWER)
        self.asked = 0
        self.cancelled = 0

    async def complete(self, call: ModelCall) -> Completion:
        await self._think()
        return await super().complete(call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        await self._think()
        async for piece in super().stream(call):
            yield piece

    async def _think(self) -> None:
        self.asked += 1
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "?"}]}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "?"}], "max_tokens": 9}),
        ("/v1/responses", {"input": "?"}),
    ],
)
async def test_leaving_cancels_the_provider_and_is_recorded(
    path: str, asked: dict[str, object], *, streams: bool
) -> None:
    provider = Pensive()
    kept = await kitchen(provider=provider)
    body = json.dumps({"model": "fees", "stream": streams, **asked}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {kept.key}\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    def granted(credential: str, permission: Permission) -> Granted:
        who = identify(credential, kept.store.keys, pepper=PEPPER, now_ms=kept.clock.now_ms())
        return authorise(who, permission)

    def parts(server: CannedServer) -> GatewayParts:
        return replace(gateway_parts(server), server=kept.serving, authorise=granted)

    async with running(CannedServer(), parts=parts) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request)
        await until(lambda: provider.asked)
        await asyncio.sleep(0.02)
        writer.transport.abort()
        await until(kept.entries)
    assert provider.cancelled == provider.asked == 1
    facts = kept.facts()
    assert (facts["status"], facts["cut_off"]) == (499, True)
