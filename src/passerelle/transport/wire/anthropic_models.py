"""What Claude models of one generation take and another does not, read off their names."""

import re
from typing import Final

from passerelle.core.values.chat import JsonValue
from passerelle.domain.routing.providers import Inexpressible
from passerelle.transport.wire.anthropic_options import ADAPTIVE, DISABLED, UNTHINKING

_Json = dict[str, JsonValue]
Generation = tuple[int, int]
_NAME: Final = re.compile(r"claude-(?:[a-z]+-)*(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST: Final[Generation] = (99, 0)
"""Of names that tell none: new models are named in new ways, old ones no more."""
_THINKS: Final[Generation] = (3, 7)
_ADAPTS: Final[Generation] = (4, 6)
"""From here on a model decides itself how long to think, guided by the effort."""
_LONGEST: Final = (((3, 5), 4_096), ((3, 7), 8_192), (_NEWEST, 32_000))
_LEAST_BUDGET: Final = 1_024
_SHARES: Final = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Of all tokens of the answer, what an effort may spend on thinking before it."""


def generation(model: str) -> Generation:
    """Such as (4, 5) of `claude-sonnet-4-5-20250929`, whatever a platform writes around it."""
    found = _NAME.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def longest_answer(model: str) -> int:
    """Tokens of an answer whose length the client did not limit, though Anthropic wants a limit."""
    of = generation(model)
    return next((tokens for before, tokens in _LONGEST if of < before), _LONGEST[-1][1])


def thinking_fields(effort: str, model: str, *, max_tokens: int, param: str) -> tuple[_Json, str]:
    """Fields of the request, and the effort in Anthropic's words where the model knows it.

    Raises `Inexpressible`, which names `param`.
    """
    of = generation(model)
    if effort == UNTHINKING:
        return ({"thinking": dict(DISABLED)} if of >= _THINKS else {}), ""
    if effort not in _SHARES:
        raise Inexpressible(f"It knows no effort {effort[:20]!r}.", param=param)
    if of < _THINKS:
        raise Inexpressible("The model does not think.", param=param)
    if of >= _ADAPTS:
        return {"thinking": dict(ADAPTIVE)}, "low" if effort == "minimal" else effort
    if max_tokens <= _LEAST_BUDGET:
        raise Inexpressible(f"Thinking takes more than {_LEAST_BUDGET} tokens.", param=param)
    budget = max(_LEAST_BUDGET, int(_SHARES[effort] * max_tokens))
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, ""
