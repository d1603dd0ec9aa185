"""Embeddings of Cohere, version 2 of its interface."""

from typing import Annotated, Final

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible
from passerelle.transport.wire.openai_embeddings import NotEmbeddings
from passerelle.transport.wire.vectors import Embedded, batched, packed, texts_in

_Json = dict[str, JsonValue]
_MOST_TEXTS: Final = 96
_OWN: Final = frozenset({"input_type", "truncate", "max_tokens"})
"""Cohere's own fields, which may stand beside OpenAI's."""
_encode = msgspec.json.Encoder().encode


def encode_requests(call: EmbeddingCall) -> tuple[bytes, ...]:
    """Bodies of all the requests that it takes, in order; what is too long is refused, not cut.

    Cohere insists on a purpose, where OpenAI's format has none. Raises `Inexpressible`.
    """
    for field in call.extras:
        if field not in _OWN:
            raise Inexpressible(f"Cohere has no `{field}`.", param=field)
    body: _Json = {
        "input_type": "search_document",
        "truncate": "NONE",
        **call.extras,
        "model": call.model,
        "embedding_types": ["float"],
    }
    if call.dimensions is not None:
        body["output_dimension"] = call.dimensions
    texts = texts_in(call, of="Cohere")
    batches = batched(texts, most=_MOST_TEXTS, most_bytes=10**9)
    return tuple(_encode(body | {"texts": [*batch]}) for batch in batches)


class _Vectors(msgspec.Struct):
    float: list[list[float]]


class _Billed(msgspec.Struct):
    input_tokens: Annotated[float, msgspec.Meta(ge=0)] | None = None


class _Meta(msgspec.Struct):
    billed_units: _Billed | None = None


class _Told(msgspec.Struct):
    embeddings: _Vectors
    meta: _Meta | None = None


_decode = msgspec.json.Decoder(_Told).decode


def decode_answer(body: bytes) -> Embedded:
    """Raises `NotEmbeddings`."""
    try:
        told = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotEmbeddings from fault
    billed = told.meta.billed_units if told.meta is not None else None
    tokens = billed.input_tokens if billed is not None else None
    vectors = tuple(packed(vector) for vector in told.embeddings.float)
    return Embedded(vectors, None if tokens is None else round(tokens))
