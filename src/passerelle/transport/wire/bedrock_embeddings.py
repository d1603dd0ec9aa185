"""Embeddings of Bedrock's models by InvokeModel: Titan, Nova and Cohere, each in its own format."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from passerelle.core.values.chat import JsonValue, Usage
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings, Inexpressible

_Json = dict[str, JsonValue]
_COHERES_TEXTS: Final = 96
"""The most that Cohere takes in one call; the others take one text."""
_TOKENS_HEADER: Final = "x-amzn-bedrock-input-token-count"
_BYTES_PER_TOKEN: Final = 4
_encode = msgspec.json.Encoder().encode


class NotEmbeddings(Exception):
    """An upstream's bytes are not vectors, one for each text."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The answer to one of the requests."""

    vectors: tuple[bytes, ...]
    tokens: int | None
    """None where Bedrock did not tell."""


def encode_requests(call: EmbeddingCall) -> tuple[bytes, ...]:
    """Bodies of all the requests that it takes, in order. Raises `Inexpressible`."""
    texts = [each for each in call.inputs if isinstance(each, str)]
    if len(texts) != len(call.inputs):
        raise Inexpressible("Bedrock takes texts only, no tokens.", param="input")
    if "cohere.embed" in call.model:
        batches = range(0, len(texts), _COHERES_TEXTS)
        bodies = [_cohere(call, texts[start : start + _COHERES_TEXTS]) for start in batches]
    elif "nova" in call.model and "embed" in call.model:
        bodies = [_nova(call, text) for text in texts]
    elif "titan-embed-text" in call.model or "titan-embed-g1" in call.model:
        bodies = [_titan(call, text) for text in texts]
    else:
        raise Inexpressible("The model makes no embeddings of texts.", param="model")
    return tuple(map(_encode, bodies))


def _titan(call: EmbeddingCall, text: str) -> _Json:
    further = ("normalize",) if "v2" in call.model else ()
    return {"inputText": text, **_passed(call, *further), **_dimensions(call, "dimensions", "v2")}


def _cohere(call: EmbeddingCall, texts: list[str]) -> _Json:
    # Cohere insists on a purpose; OpenAI's format has none.
    return {
        "input_type": "search_document",
        **_passed(call, "input_type", "truncate"),
        **_dimensions(call, "output_dimension", "v4"),
        "texts": [*texts],
    }


def _nova(call: EmbeddingCall, text: str) -> _Json:
    given = _passed(call, "embeddingPurpose", "truncationMode")
    return {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": given.get("embeddingPurpose", "GENERIC_INDEX"),
            **_dimensions(call, "embeddingDimension", ""),
            "text": {"truncationMode": given.get("truncationMode", "NONE"), "value": text},
        },
    }


def _passed(call: EmbeddingCall, *known: str) -> _Json:
    """Fields of the model's own, which may stand beside OpenAI's."""
    for field in call.extras:
        if field not in known:
            raise Inexpressible(f"The model has no `{field}`.", param=field)
    return dict(call.extras)


def _dimensions(call: EmbeddingCall, field: str, version: str) -> _Json:
    """Of models from a version on, whose id holds it."""
    if call.dimensions is None:
        return {}
    if version not in call.model:
        raise Inexpressible("The length of the model's vectors is fixed.", param="dimensions")
    return {field: call.dimensions}


class _NovaVector(msgspec.Struct):
    embedding: list[float]


class _Told(msgspec.Struct):
    """Titan's has one `embedding`; the shape of `embeddings` depends on the model."""

    embedding: list[float] | None = None
    embeddings: list[list[float] | _NovaVector] | dict[str, list[list[float]]] | None = None
    inputTextTokenCount: Annotated[int, msgspec.Meta(ge=0)] | None = None  # noqa: N815 - as on the wire


_decode = msgspec.json.Decoder(_Told).decode


def decode_answer(body: bytes, headers: Mapping[str, str]) -> Embedded:
    """Header names in small letters. Raises `NotEmbeddings`."""
    try:
        told = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotEmbeddings from fault
    vectors = [told.embedding] if told.embedding is not None else _many(told)
    if not vectors or not all(vectors):
        raise NotEmbeddings
    counted = headers.get(_TOKENS_HEADER, "")
    tokens = int(counted) if counted.isascii() and counted.isdigit() else told.inputTextTokenCount
    try:
        packed = tuple(struct.pack(f"<{len(vector)}f", *vector) for vector in vectors)
    except OverflowError as fault:
        raise NotEmbeddings from fault
    return Embedded(packed, tokens)


def _many(told: _Told) -> list[list[float]]:
    if isinstance(told.embeddings, dict):
        return told.embeddings.get("float", [])
    return [
        each.embedding if isinstance(each, _NovaVector) else each for each in told.embeddings or ()
    ]


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
