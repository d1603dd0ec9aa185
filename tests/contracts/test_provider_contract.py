"""What every provider must do, whoever answers behind it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from passerelle.adapters.providers.openai_style import OpenAIStyle
from passerelle.adapters.providers.replay import Damage, Pace, Replay, record
from passerelle.core.values.chat import Message, Usage, spoken
from passerelle.domain.routing.providers import (
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.connections import Connections
from tests.adapters.upstream import Step, answer, chunked, upstream
from tests.adapters.wire_answers import completion, error, events, told

TEXT = "Keys carry a checksum. Schlüssel auch. 鍵も。🙂"
USAGE = Usage(20, 6, cached_input_tokens=16, reasoning_tokens=2)
CALL = ModelCall(
    model="replay-1",
    messages=(Message("system", "Be brief."), Message("user", "What do keys carry?")),
    question="What do keys carry?",
    hits=(),
    sentences=3,
    refuse_below=0.3,
    refusal="I do not know.",
    deadline_seconds=0.3,
)


@dataclass(frozen=True)
class World:
    """How the other side behaves, in words that every provider can be put into."""

    status: int = 200
    stalls: bool = False
    cut: bool = False
    garbage: bool = False

    @property
    def healthy(self) -> bool:
        return self == World()


Maker = Callable[[World], AbstractAsyncContextManager[Provider]]


@asynccontextmanager
async def replayed(world: World) -> AsyncGenerator[Provider, None]:
    damage = None
    if world.status != 200:
        damage = Damage("status", status=world.status)
    elif not world.healthy:
        damage = Damage("stall" if world.stalls else "cut" if world.cut else "garbage")
    known = record(CALL, spoken(TEXT, usage=USAGE, model="replay-1"))
    yield Replay([known], pace=Pace(chunk_characters=5), damage=damage)


@asynccontextmanager
async def over_the_wire(world: World) -> AsyncGenerator[Provider, None]:
    async with upstream(lambda seen: _steps(world, stream=b'"stream":true' in seen.body)) as there:
        provider = OpenAIStyle("acme", there.url, "sk-secret-of-ours", Connections())
        yield provider
        await provider.close()


def _steps(world: World, *, stream: bool) -> list[Step]:
    if world.status != 200:
        return [answer(error("told"), status=f"{world.status} Said")]
    whole = chunked(events(*told(TEXT))) if stream else [answer(completion(TEXT))]
    if world.stalls:
        return [2.0]
    if world.cut:
        return [whole[0], whole[1][:300], "close"] if stream else [whole[0][:-20], "close"]
    if world.garbage:
        return [answer(b"\x00\x01 not json", headers="content-type: application/json")]
    return [*whole]


@pytest.fixture(params=[replayed, over_the_wire], ids=["replay", "openai_style"])
def made(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.param
    return maker


async def test_whole_answer_has_text_finish_usage_and_model(made: Maker) -> None:
    async with made(World()) as provider:
        got = await provider.complete(CALL)
    assert (got.text, got.finish_reason, got.usage, got.model) == (TEXT, "stop", USAGE, "replay-1")


async def test_stream_is_the_whole_answer_in_pieces_and_only_the_last_ends_it(made: Maker) -> None:
    async with made(World()) as provider:
        pieces = [piece async for piece in provider.stream(CALL)]
    assert "".join(piece.text for piece in pieces) == TEXT
    assert len(pieces) > 3
    assert [piece.finish_reason for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert [piece.usage for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert (pieces[-1].finish_reason, pieces[-1].usage) == ("stop", USAGE)


async def test_provider_has_a_name(made: Maker) -> None:
    async with made(World()) as provider:
        assert provider.name


async def test_calls_at_the_same_time_do_not_mix(made: Maker) -> None:
    async with made(World()) as provider:
        answers = await asyncio.gather(*(provider.complete(CALL) for _ in range(20)))
    assert {each.text for each in answers} == {TEXT}


async def test_stream_can_be_left_early_and_the_provider_goes_on(made: Maker) -> None:
    async with made(World()) as provider:
        for _ in range(3):
            stream = provider.stream(CALL)
            assert (await anext(stream)).finish_reason is None
            await stream.aclose()
        assert (await provider.complete(CALL)).text == TEXT


async def test_cancelled_call_leaves_the_provider_usable(made: Maker) -> None:
    async with made(World(stalls=True)) as provider:
        task = asyncio.create_task(provider.complete(replace(CALL, deadline_seconds=5)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ProviderTimedOut):
            await provider.complete(CALL)


async def _ask(provider: Provider, *, stream: bool) -> None:
    if stream:
        async for _ in provider.stream(CALL):
            pass
    else:
        await provider.complete(CALL)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("world", "failure"),
    [
        (World(status=429), ProviderOverloaded),
        (World(status=503), ProviderOverloaded),
        (World(status=400), ProviderRefused),
        (World(status=422), ProviderRefused),
        (World(status=500), ProviderFailed),
        (World(status=401), ProviderMisconfigured),
        (World(status=404), ProviderMisconfigured),
        (World(stalls=True), ProviderTimedOut),
        (World(cut=True), ProviderFailed),
        (World(garbage=True), ProviderFailed),
    ],
    ids=str,
)
async def test_failures_have_the_same_kind_everywhere(
    made: Maker,
    world: World,
    failure: type[ProviderFailed],
    stream: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    async with made(world) as provider:
        with pytest.raises(failure) as caught:
            await _ask(provider, stream=stream)
    fits = (ProviderMisconfigured, ProviderOverloaded, ProviderRefused, ProviderTimedOut)
    assert isinstance(caught.value, failure)
    assert failure is not ProviderFailed or not isinstance(caught.value, fits)
    assert "sk-secret-of-ours" not in caught.value.message
