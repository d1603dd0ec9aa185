"""What Gemini models of one generation take and another does not, read off their names."""

import re
from collections.abc import Mapping
from typing import Final

from passerelle.core.values.chat import JsonValue
from passerelle.domain.routing.providers import Inexpressible

_Json = dict[str, JsonValue]
Generation = tuple[int, int]
_NAME: Final = re.compile(r"gemini-(?:[a-z]+-)*(\d{1,2})(?:\.(\d{1,2}))?(?![\d.])")
_NEWEST: Final[Generation] = (99, 0)
"""Of names that tell none, such as `gemini-flash-latest`."""
_THINKS: Final[Generation] = (2, 5)
_LEVELS: Final[Generation] = (3, 0)
"""From here on thinking has levels and cannot be turned off, and calls are signed."""
_BUDGETS: Final = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}
"""Tokens, as Google's own servers of Chat Completions understand an effort."""
_LEVEL_NAMES: Final = frozenset({"minimal", "low", "medium", "high", "xhigh"})
_UNTHINKING: Final = "none"


def generation(model: str) -> Generation:
    """Such as (2, 5) of `gemini-2.5-flash-lite`."""
    found = _NAME.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def needs_signatures(model: str) -> bool:
    """The model refuses a tool call of its own that comes back without a signature."""
    return generation(model) >= _LEVELS


def thinking_config(effort: str, model: str, *, param: str) -> _Json:
    """Empty where nothing need be said. Raises `Inexpressible`, which names `param`."""
    of = generation(model)
    if effort == _UNTHINKING:
        if of >= _LEVELS or (of >= _THINKS and "pro" in model):
            raise Inexpressible("The model's thinking cannot be turned off.", param=param)
        return {"thinkingBudget": 0} if of >= _THINKS else {}
    if of < _THINKS:
        raise Inexpressible("The model does not think.", param=param)
    if of >= _LEVELS and effort in _LEVEL_NAMES:
        return {"thinkingLevel": effort.upper(), "includeThoughts": True}
    if of < _LEVELS and effort in _BUDGETS:
        return {"thinkingBudget": _BUDGETS[effort], "includeThoughts": True}
    raise Inexpressible(f"The model knows no effort {effort[:20]!r}.", param=param)


def thinking_told(told: Mapping[str, JsonValue], model: str) -> _Json:
    """What a client of Anthropic's says of thinking, beside an effort. Raises `Inexpressible`."""
    if generation(model) < _THINKS:
        raise Inexpressible("The model does not think.", param="thinking")
    match dict(told):
        case {"type": "adaptive", **others} if not others:
            return {"includeThoughts": True}
        case {"type": "enabled", "budget_tokens": int(tokens), **others} if not others:
            return {"thinkingBudget": tokens, "includeThoughts": True}
        case _:
            raise Inexpressible("Gemini has no counterpart of all of it.", param="thinking")
