"""What Bedrock's families of models take beyond Converse, read off their ids."""

import re
from typing import Final

from passerelle.core.values.chat import JsonValue
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.anthropic_models import longest_answer, thinking_fields
from passerelle.transport.wire.anthropic_options import UNTHINKING

_Json = dict[str, JsonValue]
_FAMILY: Final = re.compile(r"(?:^|[./])(amazon|anthropic|cohere|openai|qwen)\.")


def family_of(model: str) -> str:
    """The maker in an id, an inference profile or an ARN; empty where it names none."""
    found = _FAMILY.search(model)
    return found[1] if found else ""


def effort_fields(call: ModelCall, param: str) -> tuple[_Json, str]:
    """Fields of the model's own, and the effort where Converse has a word for it.

    Raises `Inexpressible`, which names `param`.
    """
    effort, family = call.options.effort, family_of(call.model)
    if family == "anthropic":
        limit = call.options.max_tokens
        tokens = longest_answer(call.model) if limit is None else limit
        return thinking_fields(effort, call.model, max_tokens=tokens, param=param)
    if family == "openai":
        return {"reasoning_effort": effort}, ""
    if family == "qwen" and effort != UNTHINKING:
        return {"reasoning_config": effort}, ""
    if family == "amazon" and "nova-2" in call.model:
        if effort == UNTHINKING:
            return {"reasoningConfig": {"type": "disabled"}}, ""
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}, ""
    raise Inexpressible("The model cannot be told how much to think.", param=param)
