"""What each known server of OpenAI's style does differently.

Sources: the public reference of each provider, for Ollama the fields of its request type
(openai/openai.go), for vLLM its page on reasoning outputs.
"""

from collections.abc import Mapping
from typing import Final

from passerelle.transport.wire.openai_calls import Dialect

_UNSAMPLED: Final = frozenset({"n", "logit_bias", "parallel_tool_calls"})
"""Local servers that read only what they know drop these."""
_DIALECTS: Final[Mapping[str, Dialect]] = {
    "openai": Dialect(),
    "mistral": Dialect(
        tokens_field="max_tokens",
        # It tells usage unasked, and refuses the question.
        include_usage=False,
        seed_field="random_seed",
        must_call="any",
        developer_role=False,
        thoughts_field="thinking",
        needs_parameters=True,
    ),
    "groq": Dialect(developer_role=False, thoughts_field="reasoning"),
    "deepseek": Dialect(tokens_field="max_tokens", developer_role=False),
    "openrouter": Dialect(thoughts_field="reasoning", cache_marks=True, file_urls=True),
    "together": Dialect(tokens_field="max_tokens", developer_role=False),
    "fireworks": Dialect(tokens_field="max_tokens", developer_role=False),
    "xai": Dialect(developer_role=False),
    "ollama": Dialect(
        tokens_field="max_tokens",
        developer_role=False,
        thoughts_field="reasoning",
        ignored=_UNSAMPLED | {"tool_choice"},
    ),
    "vllm": Dialect(thoughts_field="reasoning"),
    "sglang": Dialect(),
    "tgi": Dialect(tokens_field="max_tokens", developer_role=False, ignored=_UNSAMPLED),
}


def dialect_of(kind: str) -> Dialect:
    """Of a kind of provider; OpenAI's own for a server of which nothing more is known."""
    return _DIALECTS.get(kind, _DIALECTS["openai"])
