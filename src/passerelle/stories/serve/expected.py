"""How much may a request take? Known before any work is done on it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from passerelle.core.values.chat import ChatRequest, Media, Message, Options
from passerelle.core.values.errors import Unavailable
from passerelle.domain.budgets.limits import Amount
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.costs.pricing import estimate_nano, token_ceiling
from passerelle.domain.routing.plans import Plan
from passerelle.stories.serve.parts import Deployment

BYTES_PER_TOKEN: Final = 4
"""Of English text, about."""
PASSAGE_TOKENS: Final = 1_500
"""The most of a passage that the prompt may show: its usual greatest length, in any script."""
REQUEST_TOKENS: Final = 100
"""The most that a chat template puts before the first message."""
MESSAGE_TOKENS: Final = 8
"""The most that it adds around one message."""
TOOLS_TOKENS: Final = 600
"""The most that a provider says to its model about tools as such."""
SEARCH_TOKENS: Final = 10_000
"""Of a tool that the provider runs itself and feeds to its model: no upper bound."""
MEDIA_TOKENS: Final = 3_000
"""Of an image or a page. Nobody can tell before the provider does: it is no upper bound."""
MEDIA_BYTES_PER_TOKEN: Final = 30
"""Of a recording at its lowest quality, and of most documents."""
DEFAULT_OUTPUT_TOKENS: Final = 1_024
"""For an answer whose length the client did not limit."""
_encode = msgspec.json.Encoder().encode


class PriceUnknown(Unavailable):
    """Nobody knows the price of this model, and money is limited here."""

    code = "price_unknown"


class Expected(NamedTuple):
    """What a request is thought to take."""

    most: Amount
    """Never passed by text, as long as the provider keeps to the client's `max_tokens`."""
    tokens: int
    """About so many, for limits by the minute, which are set right afterwards."""


def expect(
    request: ChatRequest,
    deployment: Deployment,
    prices: PriceBook,
    *,
    unread_tokens: int = 0,
    strict_price: bool,
) -> Expected:
    """`unread_tokens` are those of inputs that came as tokens.

    Raises `PriceUnknown` where prices must be known and one is not.
    """
    options, prompt = request.options, deployment.prompt
    written = sum([_ceiling(message) for message in request.messages])
    shown = 0
    if deployment.plan is not deployment.embedding:  # what is embedded is not put into a prompt
        written += token_ceiling(prompt.template)
        shown = prompt.passages * PASSAGE_TOKENS if deployment.index is not None else 0
    around = REQUEST_TOKENS + MESSAGE_TOKENS * len(request.messages) + unread_tokens
    if options.tools or options.format is not None:
        written += _described(options)
        around += TOOLS_TOKENS
        around += SEARCH_TOKENS * sum([tool.kind != "function" for tool in options.tools])
    media = _media(request.messages)
    made = options.n * (options.max_tokens or DEFAULT_OUTPUT_TOKENS)
    given = written + around + media + shown
    nano = _dearest(deployment.plan, prices, (given, made), strict_price=strict_price)
    about = (written + shown) // BYTES_PER_TOKEN + around + media + made
    return Expected(Amount(nano, given + made, 1), about)


def _dearest(plan: Plan, prices: PriceBook, tokens: tuple[int, int], *, strict_price: bool) -> int:
    """What the dearest target would cost for so many tokens of input and output, in nano-USD."""
    given, made = tokens
    asked = 1 if plan.hedge is None else 2  # the call that loses the race is paid too
    nano = 0
    for target in plan.targets:
        price = prices.price(target.provider, target.model)
        if price is not None:
            most = estimate_nano(price, input_tokens=asked * given, output_tokens=made)
            nano = max(nano, most + (asked - 1) * price.request_nano)
        elif strict_price:
            raise PriceUnknown(
                'Set `prices` of its provider, or `unknown_price = "pass"` in the budget.'
            )
    return nano


def _ceiling(message: Message) -> int:
    """Tokens that the words of a message cannot exceed."""
    tokens = token_ceiling(message.text)
    for call in message.tool_calls:
        tokens += token_ceiling(call.name) + token_ceiling(call.arguments) + MESSAGE_TOKENS
    for thought in message.thoughts:
        tokens += token_ceiling(thought.text) + len(thought.hidden)
    return tokens


def _described(options: Options) -> int:
    form = options.format
    tools = [
        [tool.name, tool.description, dict(tool.parameters), dict(tool.extras)]
        for tool in options.tools
    ]
    return len(_encode([tools, dict(form.schema) if form and form.schema else None]))


def _media(messages: Sequence[Message]) -> int:
    return sum(
        MEDIA_TOKENS
        if part.kind == "image"
        else MEDIA_TOKENS + len(part.data) // MEDIA_BYTES_PER_TOKEN
        for message in messages
        if message.parts
        for part in message.parts
        if isinstance(part, Media)
    )
