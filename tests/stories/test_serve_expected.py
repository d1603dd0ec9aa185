"""What is set aside covers what providers have billed, and more only where nobody can tell."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.core.values.chat import (
    ChatRequest,
    Completion,
    Format,
    Media,
    Message,
    Options,
    Text,
    Thought,
    Tool,
    ToolCall,
    Usage,
)
from passerelle.core.values.ids import digest_of
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.reservations import OverBudget
from passerelle.domain.costs.price_book import FixedPrices, Price, Rate
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.plans import Hedge, Target
from passerelle.stories.serve.exchange import EmbeddingArrival, EmbeddingRequest
from passerelle.stories.serve.expected import DEFAULT_OUTPUT_TOKENS, Expected, PriceUnknown, expect
from passerelle.stories.serve.parts import Deployment
from passerelle.transport.wire import (
    anthropic_answers,
    anthropic_messages,
    openai_chat,
    openai_completions,
)
from tests.recordings import recorded
from tests.stories.kitchen import PRICE, OneUseCase, kitchen

NO_PROMPT = PromptVersion(digest_of(""), "none", "", 0, 0, 0.0, "")
PRICES = FixedPrices("test prices", {("replay", "replay-1"): PRICE, ("replay", "dear"): PRICE})
ASK = Message("user", "Which fees?")


@pytest.fixture
async def bare() -> Deployment:
    """No knowledge and no prompt: only what the client sends counts."""
    return replace((await kitchen()).deployment, index=None, prompt=NO_PROMPT)


def thought_to_take(deployment: Deployment, *messages: Message, **options: object) -> Expected:
    chosen = Options(**{"max_tokens": 100, **options})  # type: ignore[arg-type]
    request = ChatRequest("fees", messages or (ASK,), options=chosen)
    return expect(request, deployment, PRICES, strict_price=False)


def test_longer_text_sets_aside_as_many_tokens_as_it_has_bytes(bare: Deployment) -> None:
    short, long = (thought_to_take(bare, Message("user", "é" * count)) for count in (1, 1_001))
    assert long.most.tokens - short.most.tokens == 2_000
    assert long.tokens - short.tokens == 500


def test_each_answer_may_be_as_long_as_the_client_allows(bare: Deployment) -> None:
    one, three = (thought_to_take(bare, n=n).most.tokens for n in (1, 3))
    assert three - one == 200
    unlimited = thought_to_take(bare, max_tokens=None).most.tokens
    assert unlimited - one == DEFAULT_OUTPUT_TOKENS - 100


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        (Message("assistant", "", tool_calls=(ToolCall("c", "look", '{"a": "' + "x" * 900),)), 900),
        (Message("assistant", "", thoughts=(Thought("x" * 900),)), 900),
        (Message("user", "", parts=(Text(""), Media("image", url="https://a.test/b.png"))), 1_600),
        (Message("user", "", parts=(Media("audio", data="x" * 320_000),)), 10_000),
    ],
)
def test_all_parts_of_a_message_count(bare: Deployment, message: Message, tokens: int) -> None:
    plain = thought_to_take(bare, Message("user", ""))
    found = thought_to_take(bare, message)
    assert found.most.tokens - plain.most.tokens >= tokens


@pytest.mark.parametrize(
    "options",
    [
        {"tools": (Tool("look", "x" * 900),)},
        {"tools": (Tool("look", parameters={"description": "x" * 900}),)},
        {"tools": (Tool("find", kind="search", extras={"type": "search"}),)},
        {"format": Format({"description": "x" * 900})},
    ],
)
def test_tools_and_schemas_count(bare: Deployment, options: dict[str, object]) -> None:
    more = thought_to_take(bare, **options).most.tokens - thought_to_take(bare).most.tokens
    assert more >= 900


async def test_passages_that_the_prompt_may_show_count() -> None:
    deployment = (await kitchen()).deployment
    without = replace(deployment, index=None)
    passages = deployment.prompt.passages
    more = thought_to_take(deployment).most.tokens - thought_to_take(without).most.tokens
    assert more >= passages * 1_400


def test_dearest_target_that_may_be_asked_counts(bare: Deployment) -> None:
    dear = Price(Rate(9_000_000_000), Rate(9_000_000_000), request_nano=5)
    prices = FixedPrices("p", {("replay", "replay-1"): PRICE, ("replay", "dear"): dear})
    plan = replace(bare.plan, fallbacks=(Target("replay", "dear"),))
    request = ChatRequest("fees", (ASK,), options=Options(max_tokens=100))
    found = expect(request, replace(bare, plan=plan), prices, strict_price=True).most
    assert found.nano == cost_nano(Usage(found.tokens - 100, 100), dear)


def test_call_that_loses_a_race_is_set_aside_for(bare: Deployment) -> None:
    plan = replace(bare.plan, fallbacks=(Target("replay", "dear"),), hedge=Hedge(0.5, 0.1))
    alone, twice = thought_to_take(bare), thought_to_take(replace(bare, plan=plan))
    assert twice.most.nano - alone.most.nano == (alone.most.tokens - 100) * 1_000


def test_unknown_price_is_0_where_it_need_not_be_known(bare: Deployment) -> None:
    request, prices = ChatRequest("fees", (ASK,)), FixedPrices("none", {})
    assert expect(request, bare, prices, strict_price=False).most.nano == 0
    with pytest.raises(PriceUnknown):
        expect(request, bare, prices, strict_price=True)


async def test_input_that_comes_as_tokens_is_set_aside_for() -> None:
    here = await kitchen(budget=Budget(day_tokens=5_000))
    embedding = replace(here.deployment, embedding=replace(here.deployment.plan, retries=0))
    here = replace(here, parts=replace(here.parts, catalogue=OneUseCase(embedding)))

    async def embed(*inputs: str | tuple[int, ...]) -> None:
        request = EmbeddingRequest("fees", inputs)
        await here.serving.embed(EmbeddingArrival(request, here.key, "req_1", 0))

    with pytest.raises(OverBudget):
        await embed("Fees", tuple(range(5_000)))
    await embed("Fees", tuple(range(4_000)))


# Recorded calls.


def _is_bound(request: ChatRequest) -> bool:
    """Neither media nor tools that the provider runs itself."""
    rich = any(isinstance(part, Media) for each in request.messages for part in each.parts)
    own = any(tool.kind != "function" for tool in request.options.tools)
    return not (rich or own or "mcp_servers" in request.options.extras)


@pytest.mark.parametrize(
    ("calls", "decode_request", "decode_completion"),
    [
        (
            r"chat/completions",
            openai_chat.decode_request,
            openai_completions.decode_completion,
        ),
        (
            r"//api\.anthropic\.com/v1/messages(\?|$)",
            anthropic_messages.decode_request,
            anthropic_answers.decode_completion,
        ),
    ],
    ids=["chat completions", "messages"],
)
def test_no_recorded_call_took_more_than_would_have_been_set_aside(
    data_sets: Path,
    bare: Deployment,
    calls: str,
    decode_request: Callable[[bytes], ChatRequest],
    decode_completion: Callable[[bytes], Completion],
) -> None:
    compared = 0
    for call in recorded(data_sets, calls):
        if call.status != 200 or call.streamed or b'"usage"' not in call.body:
            continue
        request, usage = decode_request(call.request_body), decode_completion(call.body).usage
        if not _is_bound(request):
            continue
        most = expect(request, bare, PRICES, strict_price=False).most.tokens
        made = request.options.n * (request.options.max_tokens or DEFAULT_OUTPUT_TOKENS)
        assert usage.input_tokens <= most - made, call
        if request.options.max_tokens:
            assert usage.output_tokens <= made, call
        compared += 1
    assert compared >= 80
