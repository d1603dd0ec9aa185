"""Answers with sentences quoted from the passages: no key, no network, nothing made up."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from passerelle.adapters.providers.quoting import Quote, quote
from passerelle.core.values.chat import (
    Completion,
    FinishReason,
    Message,
    Options,
    Piece,
    Text,
    Usage,
    spoken,
)
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    Inexpressible,
    ModelCall,
)

MODEL = "extractive-1"
REFUSAL = "I do not know: the documents at hand do not answer this."
CHARACTERS_PER_TOKEN = 4
_MESSAGE_TOKENS = 4
"""What a chat template adds around one message."""
_WORDS_PER_PIECE = 4
_HARMLESS = frozenset(
    {"cache_control", "metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store"}
)
"""Uninterpreted fields that change no answer."""
_PIECE = re.compile(rf"(?:\S+\s*){{1,{_WORDS_PER_PIECE}}}|\s+")


class Extractive:
    """Implements `Provider`. Deterministic: equal calls give equal answers."""

    def __init__(self, name: str = "extractive", *, refusal: str = REFUSAL) -> None:
        self._name = name
        self._refusal = refusal

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        text, finish_reason = self._answer(call)
        usage = _usage(call.messages, text)
        return spoken(text, usage=usage, model=MODEL, finish_reason=finish_reason)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        text, finish_reason = self._answer(call)
        for match in _PIECE.finditer(text):
            yield Piece(match[0])
        usage = _usage(call.messages, text)
        yield Piece(finish_reason=finish_reason, usage=usage, model=MODEL)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        raise Inexpressible(f"`{call.model}` quotes, it embeds nothing.", param="model")

    async def close(self) -> None:
        """Nothing is held."""

    def _answer(self, call: ModelCall) -> tuple[str, FinishReason]:
        _refuse_what_makes_a_difference(call)
        quotes, support = quote(call.question, call.hits, most=call.sentences)
        if not quotes or support < call.refuse_below:
            return _cut(call.refusal or self._refusal, call.options)
        return _cut(_written(quotes), call.options)


def _refuse_what_makes_a_difference(call: ModelCall) -> None:
    """Temperature, seed and their like change nothing where nothing is made up."""
    options = call.options
    for place, message in enumerate(call.messages):
        if any(not isinstance(part, Text) for part in message.parts):
            param = f"messages[{place}].content"
            raise Inexpressible("Only texts can be asked about.", param=param)
    never_called = options.tool_choice is not None and options.tool_choice.mode == "none"
    asked = {
        "n": options.n > 1,
        "tools": bool(options.tools) and not never_called,
        "response_format": options.format is not None,
        "logprobs": options.logprobs,
        **dict.fromkeys(options.extras.keys() - _HARMLESS, True),
    }
    for field, is_asked in asked.items():
        if is_asked:
            raise Inexpressible(f"Quotations know no `{field}`.", param=field)


def _written(quotes: Sequence[Quote]) -> str:
    """Each quotation with its citation; what stands in lines of its own keeps them."""
    parts: list[str] = []
    whole = _with_whole_tables(quotes)
    for place, quotation in enumerate(whole):
        if place:
            parts.append("\n\n" if quotation.block or whole[place - 1].block else " ")
        parts.append(f"{quotation.text}{_gap(quotation)}[{quotation.hit + 1}]")
    return "".join(parts)


def _with_whole_tables(quotes: Sequence[Quote]) -> list[Quote]:
    """Rows of one table that follow one another stand below one header."""
    joined: list[Quote] = []
    for quotation in quotes:
        header, _, row = quotation.text.rpartition("\n")
        before = joined[-1] if joined else None
        table = header.startswith("|") and before is not None and before.hit == quotation.hit
        if table and before is not None and before.text.startswith(f"{header}\n"):
            joined[-1] = replace(before, text=f"{before.text}\n{row}")
        else:
            joined.append(quotation)
    return joined


def _gap(quotation: Quote) -> str:
    return "\n\n" if quotation.block else " "


def _cut(text: str, options: Options) -> tuple[str, FinishReason]:
    ends = [place for word in options.stop if word and (place := text.find(word)) >= 0]
    text = text[: min(ends, default=len(text))]
    most = options.max_tokens
    if most is None or _tokens(text) <= most:
        return text, "stop"
    return text[: max(0, most) * CHARACTERS_PER_TOKEN].rstrip(), "length"


def _usage(messages: Sequence[Message], text: str) -> Usage:
    """By rule of thumb: four characters a token, so that figures of two providers compare."""
    asked = sum(_tokens(message.text) + _MESSAGE_TOKENS for message in messages)
    return Usage(input_tokens=asked, output_tokens=_tokens(text), estimated=True)


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
