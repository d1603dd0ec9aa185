"""Vectors of Google's models: what is asked, in how many requests, and what comes back."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import JsonObject
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible
from passerelle.transport.wire.gemini_embeddings import (
    Asking,
    ask_gemini,
    ask_vertex,
    decode_answer,
)
from passerelle.transport.wire.openai_embeddings import NotEmbeddings
from passerelle.transport.wire.vectors import Embedded, batched, packed, together


def call_of(
    *texts: str | tuple[int, ...],
    model: str = "gemini-embedding-001",
    dimensions: int | None = None,
    extras: JsonObject | None = None,
) -> EmbeddingCall:
    return EmbeddingCall(model, texts, 1, dimensions, extras or {})


def bodies(asking: Asking) -> list[Any]:
    return [json.loads(body) for body in asking.bodies]


def test_gemini_takes_a_hundred_texts_at_once() -> None:
    texts = [f"text {number}" for number in range(150)]
    asking = ask_gemini(call_of(*texts, dimensions=256, extras={"task_type": "CLUSTERING"}))
    first, second = bodies(asking)
    assert asking.verb == "batchEmbedContents"
    assert first["requests"][0] == {
        "model": "models/gemini-embedding-001",
        "taskType": "CLUSTERING",
        "outputDimensionality": 256,
        "content": {"parts": [{"text": "text 0"}]},
    }
    asked = [*first["requests"], *second["requests"]]
    assert [each["content"]["parts"][0]["text"] for each in asked] == texts
    assert (len(first["requests"]), len(second["requests"])) == (100, 50)


def test_vertex_predicts_many_texts_of_older_models_and_one_of_newer_ones() -> None:
    call = call_of("a", "b", model="text-embedding-005", extras={"task_type": "CLUSTERING"})
    asking = ask_vertex(call)
    assert asking.verb == "predict"
    assert bodies(asking) == [
        {
            "instances": [
                {"content": "a", "task_type": "CLUSTERING"},
                {"content": "b", "task_type": "CLUSTERING"},
            ],
            "parameters": {"autoTruncate": False},
        }
    ]
    one_each = ask_vertex(call_of("a", "b", dimensions=256))
    parameters = {"autoTruncate": False, "outputDimensionality": 256}
    assert (one_each.verb, bodies(one_each)) == (
        "predict",
        [{"instances": [{"content": text}], "parameters": parameters} for text in ("a", "b")],
    )


def test_vertex_embeds_contents_with_models_that_see_more_than_texts() -> None:
    asking = ask_vertex(call_of("a", "b", model="gemini-embedding-2"))
    assert (asking.verb, bodies(asking)) == (
        "embedContent",
        [
            {
                "content": {"parts": [{"text": text}]},
                "embedContentConfig": {"autoTruncate": False},
            }
            for text in ("a", "b")
        ],
    )


@pytest.mark.parametrize("ask", [ask_gemini, ask_vertex])
def test_what_google_does_not_know_is_refused(ask: Any) -> None:
    for call, param in ((call_of((1, 2)), "input"), (call_of("a", extras={"user": "x"}), "user")):
        with pytest.raises(Inexpressible) as caught:
            ask(call)
        assert caught.value.param == param


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"embeddings": [{"values": [0.5, -1]}], "usageMetadata": {"promptTokenCount": 3}}, 3),
        ({"embedding": {"values": [0.5, -1]}, "usageMetadata": {"promptTokenCount": 3}}, 3),
        ({"embeddings": [{"values": [0.5, -1]}]}, None),
        (
            {
                "predictions": [
                    {"embeddings": {"values": [0.5, -1], "statistics": {"token_count": 3.0}}}
                ],
                "metadata": {"billableCharacterCount": 1},
            },
            3,
        ),
        ({"predictions": [{"embeddings": {"values": [0.5, -1]}}]}, None),
    ],
)
def test_vectors_are_read_in_all_three_shapes(answer: Any, tokens: int | None) -> None:
    embedded = decode_answer(json.dumps(answer).encode())
    assert embedded == Embedded((struct.pack("<2f", 0.5, -1),), tokens)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"embeddings": [{"values": []}]}',
        b'{"embeddings": [{"values": ["x"]}]}',
        b'{"embeddings": [{"values": [1e300]}]}',
    ],
)
def test_garbage_is_no_vector(garbage: bytes) -> None:
    with pytest.raises(NotEmbeddings):
        decode_answer(garbage)


def test_vectors_must_fit_their_texts() -> None:
    one, other = packed([1, 2]), packed([1, 2, 3])
    call = call_of("a", "bcdefghi")
    both = together([Embedded((one,), 1), Embedded((one,), 2)], call)
    assert (both.vectors, both.usage.input_tokens, both.usage.estimated) == ((one, one), 3, False)
    untold = together([Embedded((one,), 1), Embedded((one,), None)], call).usage
    assert (untold.input_tokens, untold.estimated) == (3, True)
    for answers in ([], [Embedded((one,), 1)], [Embedded((one, other), 1)]):
        with pytest.raises(NotEmbeddings):
            together(answers, call)


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 5), st.integers(1, 60))
def test_batches_hold_all_texts_in_order_and_no_more_than_allowed(
    texts: list[str], most: int, most_bytes: int
) -> None:
    batches = list(batched(texts, most=most, most_bytes=most_bytes))
    assert [text for batch in batches for text in batch] == texts
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(len(text.encode()) for text in batch) <= most_bytes
