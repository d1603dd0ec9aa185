"""How many tokens has a request? The questions of an answer up to the model; none is given."""

from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import msgspec

from passerelle.core.values.chat import Media, Message, Thought
from passerelle.core.values.ids import ExchangeId
from passerelle.domain.routing.providers import (
    Inexpressible,
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderRefused,
)
from passerelle.stories.serve.call import Ask, Calling, Seconds
from passerelle.stories.serve.exchange import Arrival, Served
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.steps import (
    Identified,
    Routed,
    reserve,
    retrieve,
    route,
    screen_input,
    served_by,
)

COUNTING: Final = "count_tokens"
"""Operation of an exchange that only counts, in the record."""
_BYTES_PER_TOKEN: Final = 4
_MESSAGE_TOKENS: Final = 4
"""What a chat template adds around one message."""
_MEDIA_TOKENS: Final = 1_600
"""Of an image of the greatest size that models look at as a whole."""
_encode = msgspec.json.Encoder().encode


@runtime_checkable
class CountsTokens(Protocol):
    """A provider that counts the tokens of a call itself, and takes nothing for it."""

    async def count_tokens(self, call: ModelCall) -> int: ...


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens that a model would read."""

    exchange_id: ExchangeId
    served: Served
    tokens: int
    estimated: bool
    """Counted by us: no provider of the route counts, or none could be reached."""
    upstream_ns: int


class TokenServer(Protocol):
    """Serving, as far as it counts."""

    async def count(self, arrival: Arrival) -> Counted:
        """Durably recorded before it is returned, as what was counted may have left the house."""
        ...


async def count(identified: Identified, parts: Parts) -> Counted:
    """The tokens of what may pass. The caller leaves the tab, and so writes the entry."""
    tab = identified.tab
    tab.operation, tab.store = COUNTING, False
    options = tab.request.options
    # A count writes nothing, so next to nothing is set aside for it.
    tab.request = replace(tab.request, options=replace(options, max_tokens=1))
    routed = route(retrieve(screen_input(reserve(identified, parts))))
    call = replace(routed.call, options=options)
    told = await _told(routed, call, parts)
    return Counted(
        tab.exchange_id,
        served_by(tab, routed.deployment),
        tokens=estimated_tokens(call) if told is None else told,
        estimated=told is None,
        upstream_ns=tab.upstream_ns,
    )


async def _told(routed: Routed, call: ModelCall, parts: Parts) -> int | None:
    """As a provider of the route counts; None where none does, or none answers."""
    plan = routed.plan
    providers = (parts.providers.get(target.provider) for target in plan.targets)
    if not any(isinstance(provider, CountsTokens) for provider in providers):
        return None
    try:
        return await Calling(routed.tab, plan, parts, _counting(call)).reach()
    except ProviderRefused as refusal:
        if isinstance(refusal, Inexpressible):
            return None
        raise
    except ProviderFailed:
        return None


def _counting(call: ModelCall) -> Ask[int]:
    async def ask(provider: Provider, model: str, seconds: Seconds) -> int:
        if not isinstance(provider, CountsTokens):
            raise Inexpressible(f"Provider `{provider.name}` counts no tokens.", param="model")
        asked = replace(call, model=model, deadline_seconds=seconds.first)
        return await provider.count_tokens(asked)

    return ask


def estimated_tokens(call: ModelCall) -> int:
    """About four bytes to a token, which holds for English within a third or so."""
    tools = sum(
        len(_encode([tool.name, tool.description, dict(tool.parameters), dict(tool.extras)]))
        for tool in call.options.tools
    )
    form = call.options.format
    schema = len(_encode(dict(form.schema))) if form is not None and form.schema else 0
    written = tools + schema + sum(_bytes_of(message) for message in call.messages)
    media = sum(isinstance(part, Media) for message in call.messages for part in message.parts)
    around = _MESSAGE_TOKENS * len(call.messages) + _MEDIA_TOKENS * media
    return max(1, written // _BYTES_PER_TOKEN + around)


def _bytes_of(message: Message) -> int:
    thought = sum(_bytes_of_thought(each) for each in message.thoughts)
    called = sum(len(call.name) + len(call.arguments.encode()) for call in message.tool_calls)
    return len(message.text.encode()) + thought + called


def _bytes_of_thought(thought: Thought) -> int:
    return len(thought.text.encode()) if thought.text else len(thought.hidden)
