"""Embeddings that take several requests: what each brings, and all of it together."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.core.values.chat import Usage
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings, Inexpressible
from passerelle.transport.wire.openai_embeddings import NotEmbeddings

_BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Embedded:
    """The answer to one of the requests."""

    vectors: tuple[bytes, ...]
    tokens: int | None
    """None where the provider did not tell."""


def texts_in(call: EmbeddingCall, *, of: str) -> list[str]:
    """Raises `Inexpressible` for tokens, which are those of another maker's models."""
    texts = [each for each in call.inputs if isinstance(each, str)]
    if len(texts) != len(call.inputs):
        raise Inexpressible(f"{of} takes texts only, no tokens.", param="input")
    return texts


def batched(texts: Sequence[str], *, most: int, most_bytes: int) -> Iterator[list[str]]:
    """In order; a text that is longer than allowed stands alone, and its provider says so."""
    batch: list[str] = []
    held = 0
    for text in texts:
        size = len(text.encode())
        if batch and (len(batch) == most or held + size > most_bytes):
            yield batch
            batch, held = [], 0
        batch.append(text)
        held += size
    if batch:
        yield batch


def packed(vector: Sequence[float]) -> bytes:
    """Little-endian float32. Raises `NotEmbeddings`."""
    if not vector:
        raise NotEmbeddings
    try:
        return struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError as fault:
        raise NotEmbeddings from fault


def together(answers: Sequence[Embedded], call: EmbeddingCall) -> Embeddings:
    """What all the requests have brought. Raises `NotEmbeddings`."""
    vectors = tuple(vector for answer in answers for vector in answer.vectors)
    if len(vectors) != len(call.inputs) or len({len(vector) for vector in vectors}) > 1:
        raise NotEmbeddings
    told = [answer.tokens for answer in answers if answer.tokens is not None]
    if len(told) == len(answers):
        return Embeddings(vectors, Usage(input_tokens=sum(told)), call.model)
    counted = sum(-(-len(str(text).encode()) // _BYTES_PER_TOKEN) for text in call.inputs)
    return Embeddings(vectors, Usage(input_tokens=counted, estimated=True), call.model)
