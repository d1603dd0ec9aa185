"""Bedrock as our provider, and an upstream that checks who asks."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager

from passerelle.adapters.providers.bedrock import BearerKey, Bedrock, Endpoint
from passerelle.adapters.providers.pieces import Gathering
from passerelle.core.values.chat import Completion
from passerelle.core.values.clock import SetClock
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.sigv4 import Credentials
from tests.adapters.bedrock_frames import OPENING, delta, end, frame, stop
from tests.adapters.signed_upstream import Answer, Cut, Signatures, SignedUpstream, signed_upstream
from tests.adapters.upstream import Seen

KEYS = Credentials("AKIDEXAMPLEEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "the+session/token==")
REGION = "eu-west-3"
STREAMED = (("content-type", "application/vnd.amazon.eventstream"),)
HELLO = Answer(
    json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
        }
    ).encode()
)
BRIEFLY_USED = frame("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}})
BEGUN = OPENING + delta(0, text="Hel")
REST = delta(0, text="lo") + stop(0) + end() + BRIEFLY_USED
HELLO_STREAM = Answer(BEGUN + REST, headers=STREAMED)


def always(answer: Answer) -> Callable[[Seen], Answer]:
    return lambda _: answer


@asynccontextmanager
async def provider(
    url: str, clock: SetClock, credentials: Credentials | BearerKey = KEYS
) -> AsyncGenerator[Bedrock, None]:
    bedrock = Bedrock("aws", Endpoint(url, REGION, credentials), Connections(), clock)
    try:
        yield bedrock
    finally:
        await bedrock.close()


@asynccontextmanager
async def serving(
    clock: SetClock, answers: Callable[[Seen], Answer], *, cut: Cut = "whole"
) -> AsyncGenerator[tuple[Bedrock, SignedUpstream], None]:
    judge = Signatures(KEYS, REGION, clock.now_ms)
    async with (
        signed_upstream(judge, answers, cut=cut) as served,
        provider(served.url, clock) as bedrock,
    ):
        yield bedrock, served


async def streamed(bedrock: Bedrock, call: ModelCall) -> Completion:
    gathering = Gathering()
    completion = None
    async with aclosing(bedrock.stream(call)) as pieces:
        async for piece in pieces:
            assert completion is None
            completion = gathering.add(piece)
    assert completion is not None
    return completion
