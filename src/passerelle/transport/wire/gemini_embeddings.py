"""Embeddings of Google's models: Gemini takes texts by the batch, Vertex AI in two other ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible
from passerelle.transport.wire.openai_embeddings import NotEmbeddings
from passerelle.transport.wire.vectors import Embedded, batched, packed, texts_in

_Json = dict[str, JsonValue]
Verb = Literal["batchEmbedContents", "embedContent", "predict"]
_MOST_TEXTS: Final = 100
_MOST_INSTANCES: Final = 250
_MOST_BYTES: Final = 20_000
"""Vertex AI takes so many tokens in a request, and a token is a byte at least."""
_TASK: Final = "task_type"
"""Google's own field, which may stand beside OpenAI's."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asking:
    """How the vectors of a call are asked for."""

    verb: Verb
    bodies: tuple[bytes, ...]
    """Of all the requests that it takes, in order."""


def ask_gemini(call: EmbeddingCall) -> Asking:
    """Raises `Inexpressible`."""
    texts = texts_in(call, of="Gemini")
    given: _Json = {"model": f"models/{call.model}", **_task(call, "taskType")}
    if call.dimensions is not None:
        given["outputDimensionality"] = call.dimensions
    batches = batched(texts, most=_MOST_TEXTS, most_bytes=10**9)
    bodies = ({"requests": [given | _content(text) for text in batch]} for batch in batches)
    return Asking("batchEmbedContents", tuple(map(_encode, bodies)))


def ask_vertex(call: EmbeddingCall) -> Asking:
    """What is too long is refused, not cut. Raises `Inexpressible`."""
    texts = texts_in(call, of="Vertex AI")
    uncut: _Json = {"autoTruncate": False}
    if call.dimensions is not None:
        uncut["outputDimensionality"] = call.dimensions
    if _sees_more_than_texts(call.model):
        config = uncut | _task(call, "taskType")
        bodies = [_content(text) | {"embedContentConfig": config} for text in texts]
        return Asking("embedContent", tuple(map(_encode, bodies)))
    task = _task(call, "task_type")
    most = 1 if "gemini" in call.model else _MOST_INSTANCES
    bodies = [
        {"instances": [{"content": text, **task} for text in batch], "parameters": uncut}
        for batch in batched(texts, most=most, most_bytes=_MOST_BYTES)
    ]
    return Asking("predict", tuple(map(_encode, bodies)))


def _sees_more_than_texts(model: str) -> bool:
    first = model.startswith(("gemini-embedding-001", "gemini-embedding-exp"))
    return "gemini" in model and not first


def _content(text: str) -> _Json:
    return {"content": {"parts": [{"text": text}]}}


def _task(call: EmbeddingCall, name: str) -> _Json:
    for field in call.extras:
        if field != _TASK:
            raise Inexpressible(f"Google has no `{field}`.", param=field)
    return {name: call.extras[_TASK]} if _TASK in call.extras else {}


class _Vector(msgspec.Struct):
    values: list[float]


class _Statistics(msgspec.Struct):
    token_count: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """A whole number, which some models write as `4.0`."""


class _Predicted(msgspec.Struct):
    values: list[float]
    statistics: _Statistics = msgspec.field(default_factory=_Statistics)


class _Prediction(msgspec.Struct):
    embeddings: _Predicted


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Told(msgspec.Struct, rename="camel"):
    """One of the three, as the verb was."""

    embeddings: list[_Vector] = msgspec.field(default_factory=list)
    embedding: _Vector | None = None
    predictions: list[_Prediction] = msgspec.field(default_factory=list)
    usage_metadata: _Usage = msgspec.field(default_factory=_Usage)


_decode = msgspec.json.Decoder(_Told).decode


def decode_answer(body: bytes) -> Embedded:
    """Raises `NotEmbeddings`."""
    try:
        told = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotEmbeddings from fault
    if told.predictions:
        predicted = [each.embeddings for each in told.predictions]
        return Embedded(tuple(packed(each.values) for each in predicted), _counted(predicted))
    vectors = [told.embedding] if told.embedding is not None else told.embeddings
    tokens = told.usage_metadata.prompt_token_count
    return Embedded(tuple(packed(each.values) for each in vectors), tokens)


def _counted(predicted: Sequence[_Predicted]) -> int | None:
    counts = [each.statistics.token_count for each in predicted]
    told = [count for count in counts if count is not None]
    return round(sum(told)) if len(told) == len(counts) else None
