"""Embeddings in OpenAI's format, both directions."""

import json
from array import array
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import Usage
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.routing.providers import EmbeddingCall
from passerelle.transport.wire.openai_embeddings import (
    EmbeddingsAsked,
    NotEmbeddings,
    decode_embeddings,
    decode_request,
    encode_call,
    encode_embeddings,
)
from tests.openapi import openai_description
from tests.recordings import Recorded, recorded

CALL = EmbeddingCall("m", ("one", "two"), 1.0)
VECTOR = array("f", [0.5, -1.0]).tobytes()


def asked(given: object, **fields: object) -> EmbeddingsAsked:
    return decode_request(json.dumps({"model": "m", "input": given} | fields).encode())


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
def test_texts_and_tokens_are_read_in_every_form(given: object, inputs: object) -> None:
    assert asked(given).request.inputs == inputs


def test_all_fields_are_read() -> None:
    got = asked(
        "a", encoding_format="base64", dimensions=3, user="ann", input_type="query", truncate=None
    )
    assert got.base64
    request = got.request
    assert (request.model, request.dimensions, request.end_user) == ("m", 3, "ann")
    assert request.extras == {"input_type": "query"}
    assert not asked("a").base64
    assert not asked("a", encoding_format="float").base64


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": [[1], "a"]}, "input[1]"),
        ({"input": [[]]}, "input[0]"),
        ({"input": [-1]}, "input[0]"),
        ({"input": [2**31]}, "input[0]"),
        ({"input": [True]}, "input[0]"),
        ({"input": [1.5]}, "input[0]"),
        ({"input": ["a"] * 2_049}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "model": ""}, "model"),
        ({"input": "a", "user": 7}, "user"),
    ],
    ids=str,
)
def test_field_of_a_bad_shape_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(json.dumps({"model": "m", **fields}).encode())
    assert caught.value.param == param


def test_vectors_are_written_as_numbers_or_as_base64() -> None:
    body = json.loads(encode_embeddings("m", [VECTOR], Usage(3), base64=False))
    assert body == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    body = json.loads(encode_embeddings("m", [VECTOR], Usage(3), base64=True))
    assert b64decode(body["data"][0]["embedding"]) == VECTOR


def test_what_we_write_is_as_openai_describes_it(data_sets: Path) -> None:
    description = openai_description(data_sets)
    body = encode_embeddings("m", [VECTOR, VECTOR], Usage(3), base64=False)
    description.validate("CreateEmbeddingResponse", body)


def told(*vectors: object, **fields: object) -> bytes:
    data = [{"index": index, "embedding": each} for index, each in enumerate(vectors)]
    return json.dumps({"data": data, **fields}).encode()


def test_vectors_are_read_in_either_form_and_in_order_of_their_index() -> None:
    data = [
        {"index": 1, "embedding": b64encode(VECTOR).decode()},
        {"index": 0, "embedding": [1, 2]},
    ]
    got = decode_embeddings(json.dumps({"data": data, "model": "n"}).encode(), CALL)
    assert got.vectors == (array("f", [1, 2]).tobytes(), VECTOR)
    assert (got.model, got.usage) == ("n", Usage(2, estimated=True))


@pytest.mark.parametrize(
    ("usage", "tokens"), [({"prompt_tokens": 3}, 3), ({"total_tokens": 4}, 4), ({}, 2), (None, 2)]
)
def test_usage_is_what_was_told_or_counted_by_us(usage: object, tokens: int) -> None:
    got = decode_embeddings(told([1.0], [2.0], usage=usage), CALL)
    assert (got.usage.input_tokens, got.usage.estimated) == (tokens, not usage)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        told([1.0]),
        told([1.0], [2.0], [3.0]),
        told([1.0], [2.0, 3.0]),
        told([], []),
        told("AAA", "AAA"),
        told("AAAA", "AAAA"),
        told("", ""),
        told("ü", "ü"),
        told(["x"], ["x"]),
        told(None, None),
        b"[" * 90_000,
    ],
)
def test_bytes_that_are_no_vectors_are_told_apart(body: bytes) -> None:
    with pytest.raises(NotEmbeddings):
        decode_embeddings(body, CALL)


@given(
    st.lists(
        st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=2),
        min_size=2,
        max_size=2,
    )
)
def test_vectors_survive_both_forms(vectors: list[list[float]]) -> None:
    exact = tuple(array("f", each).tobytes() for each in vectors)
    for base64 in (True, False):
        if not base64 and any(abs(each) == float("inf") for vector in vectors for each in vector):
            continue  # JSON has no word for it
        body = encode_embeddings("m", exact, Usage(1), base64=base64)
        assert decode_embeddings(body, CALL).vectors == exact


def test_every_recorded_call_and_answer_is_read(data_sets: Path) -> None:
    calls = recorded(data_sets, r"^https://api\.(openai|voyageai)\.com/v1/embeddings$")
    assert len(calls) > 3
    for call in calls:
        _check(call)


def _check(call: Recorded) -> None:
    sent = json.loads(call.request_body)
    request = decode_request(call.request_body).request
    again = EmbeddingCall(request.model, request.inputs, 1.0, request.dimensions, request.extras)
    assert json.loads(encode_call(again)) == {
        key: value for key, value in sent.items() if value is not None
    }, call
    if call.status != 200:
        return
    body = json.loads(call.body)
    got = decode_embeddings(call.body, again)
    assert got.model == body["model"]
    used = body["usage"].get("prompt_tokens", body["usage"]["total_tokens"])
    assert got.usage == Usage(used)
    written = json.loads(encode_embeddings(got.model, got.vectors, got.usage, base64=True))
    assert [each["embedding"] for each in written["data"]] == [
        each["embedding"] for each in body["data"]
    ]
