"""Embeddings in OpenAI's format, both directions, as served and as asked of others."""

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, cast

import msgspec

from passerelle.core.values.chat import JsonValue, Usage
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings
from passerelle.stories.serve.exchange import EmbeddingRequest
from passerelle.transport.wire.bodies import InvalidField, converted, decode_object

_Json = dict[str, JsonValue]
_T = TypeVar("_T")
_FLOAT_BYTES: Final = 4
_BYTES_PER_TOKEN: Final = 4
MOST_INPUTS: Final = 2_048
"""As OpenAI."""
_Token = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Tokens = Annotated[list[_Token], msgspec.Meta(min_length=1)]
_Item: TypeAlias = str | _Token | _Tokens
_Input: TypeAlias = tuple[str | tuple[int, ...], ...]


class _Request(msgspec.Struct):
    model: Annotated[str, msgspec.Meta(min_length=1)]
    input: str | Annotated[list[_Item], msgspec.Meta(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    user: str | None = None


_KNOWN: Final = frozenset(_Request.__struct_fields__)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class EmbeddingsAsked:
    """A request, and in which form its vectors are to be written."""

    request: EmbeddingRequest
    base64: bool = False


def decode_request(body: bytes) -> EmbeddingsAsked:
    """Raises kin of `InvalidRequest` that name the parameter."""
    raw = decode_object(body)
    given = converted(raw, _Request)
    request = EmbeddingRequest(
        model=given.model,
        inputs=_inputs(given.input),
        dimensions=given.dimensions,
        end_user=given.user or "",
        extras={key: raw[key] for key in raw if key not in _KNOWN and raw[key] is not None},
    )
    return EmbeddingsAsked(request, base64=given.encoding_format == "base64")


def _inputs(given: str | list[_Item]) -> _Input:
    inputs: _Input
    if isinstance(given, str):
        inputs = (given,)
    elif isinstance(given[0], int):
        inputs = (tuple(_all_of(int, given)),)
    elif isinstance(given[0], str):
        inputs = tuple(_all_of(str, given))
    else:
        inputs = tuple(tuple(cast("list[int]", each)) for each in _all_of(list, given))
    if len(inputs) > MOST_INPUTS:
        raise InvalidField(f"More than {MOST_INPUTS:,} texts.", param="input")
    for place, each in enumerate(inputs):
        if not each:
            raise InvalidField("A text is empty.", param=_at(given, place))
    return inputs


def _all_of(kind: type[_T], given: list[_Item]) -> list[_T]:
    for place, each in enumerate(given):
        if not isinstance(each, kind):
            message = "Texts, tokens and lists of tokens cannot be mixed."
            raise InvalidField(message, param=_at(given, place))
    return cast("list[_T]", given)


def _at(given: str | list[_Item], place: int) -> str:
    return "input" if isinstance(given, str) else f"input[{place}]"


class _Vector(msgspec.Struct):
    object: str
    index: int
    embedding: str | list[float]


class _UsageObject(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Answer(msgspec.Struct):
    object: str
    data: list[_Vector]
    model: str
    usage: _UsageObject


def encode_embeddings(model: str, vectors: Sequence[bytes], usage: Usage, *, base64: bool) -> bytes:
    """`vectors` are little-endian float32."""
    written = [
        _Vector("embedding", index, b64encode(each).decode() if base64 else _floats(each))
        for index, each in enumerate(vectors)
    ]
    tokens = usage.input_tokens
    return _encode(_Answer("list", written, model, _UsageObject(tokens, tokens)))


def _floats(vector: bytes) -> list[float]:
    return _little_endian(array("f", vector)).tolist()


def _little_endian(numbers: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class NotEmbeddings(Exception):
    """An upstream's bytes are not vectors, one for each input."""


class _ToldUsage(msgspec.Struct):
    prompt_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    total_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _ToldVector(msgspec.Struct):
    embedding: str | list[float]
    index: int | None = None


class _Told(msgspec.Struct):
    data: list[_ToldVector]
    model: str | None = None
    usage: _ToldUsage | None = None


_decode = msgspec.json.Decoder(_Told).decode


def encode_call(call: EmbeddingCall) -> bytes:
    """A request for an upstream. Servers that know no base64 answer with numbers."""
    inputs: list[JsonValue] = [
        each if isinstance(each, str) else list(each) for each in call.inputs
    ]
    body: _Json = dict(call.extras)
    body |= {"model": call.model, "input": inputs, "encoding_format": "base64"}
    if call.dimensions is not None:
        body["dimensions"] = call.dimensions
    return _encode(body)


def decode_embeddings(body: bytes, call: EmbeddingCall) -> Embeddings:
    """Raises `NotEmbeddings`."""
    try:
        told = _decode(body)
        placed = sorted(
            enumerate(told.data),
            key=lambda each: each[0] if each[1].index is None else each[1].index,
        )
        vectors = tuple(_vector(each.embedding) for _, each in placed)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotEmbeddings from fault
    if len(vectors) != len(call.inputs) or len({len(each) for each in vectors}) > 1:
        raise NotEmbeddings
    return Embeddings(vectors, _usage(told.usage, call), told.model or "")


def _vector(given: str | list[float]) -> bytes:
    """Raises `ValueError`."""
    if isinstance(given, str):
        vector = b64decode(given, validate=True)
        if not vector or len(vector) % _FLOAT_BYTES:
            raise ValueError(given[:40])
        return vector
    if not given:
        raise ValueError
    return _little_endian(array("f", given)).tobytes()


def _usage(told: _ToldUsage | None, call: EmbeddingCall) -> Usage:
    tokens = None if told is None else told.prompt_tokens or told.total_tokens
    if tokens is not None:
        return Usage(input_tokens=tokens)
    counted = sum(
        -(-len(each.encode()) // _BYTES_PER_TOKEN) if isinstance(each, str) else len(each)
        for each in call.inputs
    )
    return Usage(input_tokens=counted, estimated=True)
