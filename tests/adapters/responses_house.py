"""A gateway with a scripted provider behind it, for tests of the Responses API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import openai

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.core.values.chat import (
    CallDelta,
    Choice,
    Completion,
    Piece,
    Thought,
    ToolCall,
    Usage,
    spoken,
)
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    Inexpressible,
    ModelCall,
    ProviderOverloaded,
)
from passerelle.stories.serve.recall import Recalling
from tests.adapters.canned import CannedServer, gateway_parts, running
from tests.stories.kitchen import PEPPER, Kitchen, kitchen

USAGE = Usage(100, 20, 4, 2, 3)
SAID = spoken("The transfer fee is 4 percent of the amount.", usage=USAGE, model="m-1")
CALLED = Completion(
    (
        Choice(
            "",
            "tool_calls",
            tool_calls=(ToolCall("c1", "find", '{"q": "fees"}'), ToolCall("c2", "ask", "{}")),
            thoughts=(Thought("They want fees.", "signed"),),
        ),
    ),
    USAGE,
    "m-1",
)
FIND: Any = {
    "type": "function",
    "name": "find",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    "strict": False,
}


@dataclass
class Scripted:
    """A provider that answers as it is told, and remembers what it was asked."""

    answers: list[Completion] = field(default_factory=lambda: [SAID])
    """One after the other; the last again and again."""
    calls: list[ModelCall] = field(default_factory=list)
    fails_after: int | None = None
    """So many pieces of a stream come; then the provider is overloaded."""
    name: str = "replay"

    async def complete(self, call: ModelCall) -> Completion:
        self.calls.append(call)
        if call.options.extras:
            raise Inexpressible("", param=min(call.options.extras))
        return self.answers[min(len(self.calls), len(self.answers)) - 1]

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        completion = await self.complete(call)
        for number, piece in enumerate(pieces(completion)):
            if number == self.fails_after:
                raise ProviderOverloaded
            yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        raise Inexpressible(call.model)

    async def close(self) -> None:
        return


def pieces(completion: Completion) -> list[Piece]:
    choice, usage = completion.choices[0], completion.usage
    found = [Piece(thought=thought) for thought in choice.thoughts]
    found += [Piece(f"{word} ") for word in choice.text.split(" ")[:-1]]
    found += [Piece(choice.text.split(" ")[-1])] if choice.text else []
    for index, call in enumerate(choice.tool_calls):
        found.append(Piece(calls=(CallDelta(index, call.id, call.name),)))
        found.append(Piece(calls=(CallDelta(index, arguments=call.arguments),)))
    return [*found, Piece(finish_reason=choice.finish_reason, usage=usage, model=completion.model)]


@dataclass
class House:
    made: Kitchen
    provider: Scripted
    client: openai.AsyncOpenAI
    url: str

    async def call(self, method: str, path: str, *, key: str = "", **sent: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key or self.made.key}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers) as client:
            return await client.request(method, f"/v1/responses{path}", **sent)


@asynccontextmanager
async def house(provider: Scripted | None = None, **changes: Any) -> AsyncGenerator[House, None]:
    """A use case without knowledge behind the listener, with its story and its ledger."""
    scripted = provider or Scripted()
    made = await kitchen(provider=scripted, documents={}, **changes)

    def authorised(credential: str, permission: Permission) -> Granted:
        now_ms = made.clock.now_ms()
        return authorise(
            identify(credential, made.store.keys, pepper=PEPPER, now_ms=now_ms), permission
        )

    def parts(server: CannedServer) -> GatewayParts:
        canned = gateway_parts(server, authorise=authorised, recall=Recalling(made.parts))
        return replace(canned, server=made.serving, counter=made.serving)

    async with (
        running(CannedServer(), parts=parts) as gateway,
        openai.AsyncOpenAI(
            base_url=f"{gateway.url}/v1", api_key=made.key, max_retries=0, timeout=5
        ) as client,
    ):
        yield House(made, scripted, client, gateway.url)


def said(call: ModelCall) -> list[tuple[str, str]]:
    """The conversation as the model got it, without our own prompt."""
    return [(message.role, message.text) for message in call.messages[1:]]
