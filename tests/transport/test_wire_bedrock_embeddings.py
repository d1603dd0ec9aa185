"""Embeddings of Bedrock's models."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from passerelle.core.values.chat import Usage
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible
from passerelle.transport.wire.bedrock_embeddings import (
    Embedded,
    NotEmbeddings,
    decode_answer,
    encode_requests,
    together,
)
from tests.adapters.bedrock_calls import recorded_embedding
from tests.recordings import recorded

TITAN = "amazon.titan-embed-text-v2:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
COHERE = "eu.cohere.embed-v4:0"
COHERE_3 = "cohere.embed-english-v3"


def embedding(
    model: str, *inputs: str | tuple[int, ...], dimensions: int | None = None, **extras: Any
) -> EmbeddingCall:
    return EmbeddingCall(model, inputs or ("Hi",), 10.0, dimensions, extras)


def bodies(call: EmbeddingCall) -> list[dict[str, Any]]:
    return [json.loads(body) for body in encode_requests(call)]


def test_recorded_requests_are_made_again_from_our_values(data_sets: Path) -> None:
    calls = recorded(data_sets, r"bedrock-runtime.*embed.*/invoke$")
    assert len(calls) >= 17
    for call in calls:
        assert bodies(recorded_embedding(call)) == [json.loads(call.request_body)], str(call)


def test_recorded_answers_are_read_with_their_exact_usage(data_sets: Path) -> None:
    for call in recorded(data_sets, r"bedrock-runtime.*embed.*/invoke$"):
        asked = recorded_embedding(call)
        made = together([decode_answer(call.body, call.headers)], asked)
        told = int(call.headers["x-amzn-bedrock-input-token-count"])
        assert made.usage == Usage(input_tokens=told), str(call)
        assert len(made.vectors) == len(asked.inputs)
        raw = json.loads(call.body)
        first = raw["embedding"] if "embedding" in raw else raw["embeddings"]
        while not isinstance(first[0] if isinstance(first, list) else None, float):
            first = (
                (first.get("float") or first["embedding"]) if isinstance(first, dict) else first[0]
            )
        assert made.vectors[0] == struct.pack(f"<{len(first)}f", *first)


def test_titan_and_nova_take_one_text_at_a_time() -> None:
    assert bodies(embedding(TITAN, "a", "b", dimensions=256, normalize=False)) == [
        {"inputText": "a", "normalize": False, "dimensions": 256},
        {"inputText": "b", "normalize": False, "dimensions": 256},
    ]
    params = {
        "embeddingPurpose": "GENERIC_INDEX",
        "embeddingDimension": 384,
        "text": {"truncationMode": "NONE", "value": "a"},
    }
    assert bodies(embedding(NOVA, "a", dimensions=384)) == [
        {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}
    ]


def test_cohere_takes_96_texts_at_a_time_and_a_purpose() -> None:
    texts = [str(number) for number in range(200)]
    made = bodies(embedding(COHERE, *texts, dimensions=512, input_type="clustering"))
    assert [text for body in made for text in body["texts"]] == texts
    assert [len(body["texts"]) for body in made] == [96, 96, 8]
    assert all(body["input_type"] == "clustering" for body in made)
    assert all(body["output_dimension"] == 512 for body in made)
    assert bodies(embedding(COHERE_3, "a")) == [{"input_type": "search_document", "texts": ["a"]}]


@pytest.mark.parametrize(
    ("call", "param"),
    [
        (embedding(TITAN, (1, 2)), "input"),
        (embedding("amazon.titan-embed-text-v1", dimensions=256), "dimensions"),
        (embedding("amazon.titan-embed-text-v1", normalize=True), "normalize"),
        (embedding(COHERE_3, dimensions=256), "dimensions"),
        (embedding(COHERE, normalize=True), "normalize"),
        (embedding(NOVA, truncate="END"), "truncate"),
        (embedding("amazon.nova-micro-v1:0"), "model"),
    ],
)
def test_what_a_model_does_not_have_is_refused_by_name(call: EmbeddingCall, param: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        encode_requests(call)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "body",
    [
        {"embedding": [1, 2.5], "inputTextTokenCount": 4},
        {"embeddings": [[1.0, 2.5]], "response_type": "embeddings_floats"},
        {"embeddings": {"float": [[1.0, 2.5]]}},
        {"embeddings": [{"embeddingType": "TEXT", "embedding": [1.0, 2.5]}]},
    ],
)
def test_each_shape_of_answer_becomes_the_same_vector(body: dict[str, Any]) -> None:
    told = decode_answer(json.dumps(body).encode(), {"x-amzn-bedrock-input-token-count": "4"})
    assert told == Embedded((struct.pack("<2f", 1.0, 2.5),), 4)


def test_tokens_are_estimated_where_one_answer_does_not_tell_them() -> None:
    vector = struct.pack("<f", 1.0)
    answers = [Embedded((vector,), 3), Embedded((vector,), None)]
    made = together(answers, embedding(TITAN, "12345", "x"))
    assert made.usage == Usage(input_tokens=3, estimated=True)
    assert together(answers[:1] * 2, embedding(TITAN, "a", "b")).usage == Usage(input_tokens=6)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"embedding":[]}',
        b'{"embeddings":[]}',
        b'{"embeddings":{"int8":[[1]]}}',
        b'{"embedding":["a"]}',
        b'{"embedding":[1e300]}',
    ],
)
def test_anything_else_is_no_embeddings(body: bytes) -> None:
    with pytest.raises(NotEmbeddings):
        decode_answer(body, {})


@pytest.mark.parametrize("lengths", [(1,), (1, 2), (1, 1, 1)])
def test_vectors_must_be_one_for_each_text_and_of_one_length(lengths: tuple[int, ...]) -> None:
    answers = [Embedded((struct.pack(f"<{size}f", *[0.5] * size),), 1) for size in lengths]
    with pytest.raises(NotEmbeddings):
        together(answers, embedding(TITAN, "a", "b"))
