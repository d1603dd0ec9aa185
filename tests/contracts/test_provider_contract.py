"""What every provider must do, whoever answers behind it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from passerelle.adapters.providers.replay import Damage, Pace, Replay, record
from passerelle.core.values.chat import (
    Format,
    Media,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
    spoken,
)
from passerelle.domain.routing.providers import (
    Inexpressible,
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from tests.adapters.upstream import Step, answer, chunked, upstream
from tests.contracts.wires import KEY, TEXT, WIRES, Wire

USAGE = Usage(20, 6, cached_input_tokens=16, reasoning_tokens=2)
CALL = ModelCall(
    model="replay-1",
    messages=(Message("system", "Be brief."), Message("user", "What do keys carry?")),
    question="What do keys carry?",
    hits=(),
    sentences=3,
    refuse_below=0.3,
    refusal="I do not know.",
    deadline_seconds=9.0,
)
HASTY = replace(CALL, deadline_seconds=0.2)


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


@dataclass(frozen=True)
class Made:
    """How to make a provider in a world, and what it says there of its answer."""

    make: Maker
    usage: Usage
    model: str

    def __call__(self, world: World) -> AbstractAsyncContextManager[Provider]:
        return self.make(world)


@asynccontextmanager
async def replayed(world: World) -> AsyncGenerator[Provider, None]:
    damage = None
    if world.status != 200:
        damage = Damage("status", status=world.status)
    elif not world.healthy:
        damage = Damage("stall" if world.stalls else "cut" if world.cut else "garbage")
    known = record(CALL, spoken(TEXT, usage=USAGE, model="replay-1"))
    yield Replay([known], pace=Pace(chunk_characters=5), damage=damage)


def over(wire: Wire) -> Maker:
    @asynccontextmanager
    async def made(world: World) -> AsyncGenerator[Provider, None]:
        async with upstream(lambda seen: _steps(world, wire, stream=wire.streams(seen))) as there:
            provider = wire.make(there.url)
            yield provider
            await provider.close()

    return made


def _steps(world: World, wire: Wire, *, stream: bool) -> list[Step]:
    if world.status != 200:
        return [answer(wire.error, status=f"{world.status} Said")]
    if world.stalls:
        return [2.0]
    if world.garbage:
        return [answer(b"\x00\x01 not json", headers="content-type: application/json")]
    if not stream:
        whole = answer(wire.whole)
        return [whole[:-20], "close"] if world.cut else [whole]
    headers = f"content-type: {wire.stream_type}"
    if world.cut:
        return [*chunked(*wire.stream[:4], headers=headers)[:-1], "close"]
    return [*chunked(*wire.stream, headers=headers)]


MADE = {
    "replay": Made(replayed, USAGE, "replay-1"),
    **{wire.name: Made(over(wire), wire.usage, wire.model) for wire in WIRES},
}


@pytest.fixture(params=tuple(MADE.values()), ids=tuple(MADE))
def made(request: pytest.FixtureRequest) -> Made:
    maker: Made = request.param
    return maker


async def test_whole_answer_has_text_finish_usage_and_model(made: Made) -> None:
    async with made(World()) as provider:
        got = await provider.complete(CALL)
    assert (got.text, got.finish_reason, got.usage) == (TEXT, "stop", made.usage)
    assert got.model in {made.model, CALL.model}


async def test_stream_is_the_whole_answer_in_pieces_and_only_the_last_ends_it(made: Made) -> None:
    async with made(World()) as provider:
        pieces = [piece async for piece in provider.stream(CALL)]
    assert "".join(piece.text for piece in pieces) == TEXT
    assert len(pieces) > 3
    assert [piece.finish_reason for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert [piece.usage for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert (pieces[-1].finish_reason, pieces[-1].usage) == ("stop", made.usage)


async def test_provider_has_a_name(made: Made) -> None:
    async with made(World()) as provider:
        assert provider.name


async def test_calls_at_the_same_time_do_not_mix(made: Made) -> None:
    async with made(World()) as provider:
        answers = await asyncio.gather(*(provider.complete(CALL) for _ in range(20)))
    assert {each.text for each in answers} == {TEXT}


async def test_stream_can_be_left_early_and_the_provider_goes_on(made: Made) -> None:
    async with made(World()) as provider:
        for _ in range(3):
            stream = provider.stream(CALL)
            assert (await anext(stream)).finish_reason is None
            await stream.aclose()
        assert (await provider.complete(CALL)).text == TEXT


async def test_cancelled_call_leaves_the_provider_usable(made: Made) -> None:
    async with made(World(stalls=True)) as provider:
        task = asyncio.create_task(provider.complete(CALL))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ProviderTimedOut):
            await provider.complete(HASTY)


async def _ask(provider: Provider, call: ModelCall, *, stream: bool) -> None:
    if stream:
        async for _ in provider.stream(call):
            pass
    else:
        await provider.complete(call)


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
    made: Made,
    world: World,
    failure: type[ProviderFailed],
    stream: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    async with made(world) as provider:
        with pytest.raises(failure) as caught:
            await _ask(provider, HASTY if world.stalls else CALL, stream=stream)
    fits = (ProviderMisconfigured, ProviderOverloaded, ProviderRefused, ProviderTimedOut)
    assert isinstance(caught.value, failure)
    assert failure is not ProviderFailed or not isinstance(caught.value, fits)
    assert KEY not in caught.value.message


TOOL = Tool("find", "Finds.", {"type": "object", "properties": {"q": {"type": "string"}}})
OPTIONS = [
    Options(max_tokens=7),
    Options(temperature=0.25),
    Options(top_p=0.25),
    Options(stop=("halt",)),
    Options(seed=7),
    Options(n=2),
    Options(presence_penalty=0.5),
    Options(frequency_penalty=0.5),
    Options(logprobs=True),
    Options(logprobs=True, top_logprobs=3),
    Options(tools=(TOOL,)),
    Options(tools=(replace(TOOL, strict=True),)),
    Options(tools=(TOOL,), tool_choice=ToolChoice("required")),
    Options(tools=(TOOL,), tool_choice=ToolChoice("none")),
    Options(tools=(TOOL,), tool_choice=ToolChoice("named", "find")),
    Options(tools=(TOOL,), parallel_tool_calls=False),
    Options(tools=(Tool("web_search", kind="web_search", extras={"type": "web_search"}),)),
    Options(format=Format()),
    Options(format=Format({"type": "object", "properties": {}}, "answer")),
    Options(effort="low"),
    Options(extras={"x_unknown": 1}),
    Options(extras={"x_unknown": 1}, dialect="messages"),
    Options(extras={"x_unknown": 1}, dialect="responses"),
]
"""Each asks for more than the one before it of the same kind, and all for more than none."""
CALLED = Message("assistant", "", tool_calls=(ToolCall("call_1", "find", '{"q":"keys"}'),))
UNSIGNED = Message("assistant", "a", thoughts=(Thought("Hm."),))
TURNS = [
    Message("user", "a", extras={"x_unknown": 1}),
    Message("user", "a", (Text("a", {"x_unknown": 1}),)),
    Message("user", "", (Media("image", "AAAA", media_type="image/png"),)),
    Message("user", "", (Media("image", url="https://a.example/b.png"),)),
    Message("user", "", (Media("audio", "AAAA", media_type="audio/wav"),)),
    Message("user", "", (Media("file", "AAAA", media_type="application/pdf", name="a.pdf"),)),
    Message("user", "", (Media("file", url="https://a.example/a.pdf"),)),
    Message("user", "", (Media("image", "AAAA", media_type="image/png", extras={"x": 1}),)),
    UNSIGNED,
    Message("assistant", "a", thoughts=(Thought("Hm.", "c2lnbmVk"),)),
    Message("assistant", "a", thoughts=(Thought(hidden="aGlkZGVu"),)),
    CALLED,
]


async def _sent(wire: Wire, call: ModelCall) -> str | None:
    """What the upstream got; None where the provider refused to ask, and named the field."""
    named: str | None = None
    async with upstream(lambda _: _steps(World(), wire, stream=False)) as there:
        provider = wire.make(there.url)
        try:
            await provider.complete(call)
        except Inexpressible as refusal:
            named = refusal.param
        finally:
            await provider.close()
    if not there.seen:
        assert named
        return None
    return there.seen[0].head.partition("\r\n")[0] + there.seen[0].body.decode()


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
async def test_no_option_is_dropped_silently(wire: Wire, options: Options) -> None:
    base = replace(options, parallel_tool_calls=None, tool_choice=None, top_logprobs=None)
    less = Options() if base == options else base
    asked = await _sent(wire, replace(CALL, options=options))
    assert asked != await _sent(wire, replace(CALL, options=less)) or asked is None


@pytest.mark.parametrize(
    ("wire", "turn"),
    [
        pytest.param(wire, turn, id=f"{wire.name}-{turn}")
        for wire in WIRES
        for turn in TURNS
        # Their models read no thought that they have not signed themselves.
        if turn != UNSIGNED or wire.name not in {"anthropic", "bedrock"}
    ],
)
async def test_no_part_of_a_turn_is_dropped_silently(wire: Wire, turn: Message) -> None:
    first, last = Message("user", "What do keys carry?"), Message("user", "And now?")
    bare = Message(turn.role, turn.text)
    asked = await _sent(wire, replace(CALL, messages=(first, turn, last)))
    assert asked is None or asked != await _sent(wire, replace(CALL, messages=(first, bare, last)))


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
async def test_result_of_a_tool_reaches_the_model_and_so_does_its_failure(wire: Wire) -> None:
    first = Message("user", "What do keys carry?")
    result = Message("tool", "A checksum.", tool_call_id="call_1")
    options = Options(tools=(TOOL,))
    call = replace(CALL, messages=(first, CALLED, result), options=options)
    asked = await _sent(wire, call)
    assert asked is not None
    assert "A checksum." in asked
    failed = replace(call, messages=(first, CALLED, replace(result, failed=True)))
    assert await _sent(wire, failed) not in {asked, None}
