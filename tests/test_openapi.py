"""The judge of bodies is judged: it knows the description's dialect and refuses what is damaged."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.openapi import Description, NotAsDescribed, openai_description

_PETS = Description(
    {
        "paths": {
            "/pets/{id}": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}
                            }
                        }
                    }
                }
            }
        },
        "components": {
            "schemas": {
                "Pet": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/Cat"},
                        {"allOf": [{"$ref": "#/components/schemas/Dog"}]},
                    ],
                    "discriminator": {"propertyName": "kind"},
                },
                "Cat": {
                    "properties": {
                        "kind": {"type": "string", "enum": ["cat"]},
                        "lives": {"type": "integer"},
                    },
                    "required": ["kind", "lives"],
                },
                "Dog": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "enum": ["dog"]},
                        "owner": {"type": "string", "nullable": True},
                        "size": {"oneOf": [{"type": "number"}, {"type": "integer"}]},
                    },
                    "required": ["kind", "owner"],
                },
                "Tree": {
                    "$recursiveAnchor": True,
                    "type": "object",
                    "properties": {"branches": {"type": "array", "items": {"$recursiveRef": "#"}}},
                    "required": ["branches"],
                },
            }
        },
    }
)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("Cat", {"kind": "cat", "lives": 9}),
        ("Pet", {"kind": "cat", "lives": 9}),
        ("Pet", {"kind": "dog", "owner": None}),
        ("Pet", {"kind": "dog", "owner": "Ada", "size": 3}),
        ("Tree", {"branches": [{"branches": []}]}),
        ("Pet", b'{"kind": "cat", "lives": 9}'),
        (("/pets/{id}", "GET", 200), {"kind": "cat", "lives": 9}),
    ],
)
def test_what_fits_passes(schema: Any, body: object) -> None:
    _PETS.validate(schema, body)


@pytest.mark.parametrize(
    ("schema", "body", "said"),
    [
        ("Cat", "a cat", "not of type 'object'"),
        ("Pet", {"kind": "cat"}, "'lives' is a required property"),
        ("Pet", {"kind": "cat", "lives": "nine"}, "$.lives"),
        ("Pet", {"kind": "fish"}, "$.kind"),
        ("Pet", {"lives": 9}, "'kind' is a required property"),
        ("Pet", {"kind": "dog", "owner": 4}, "$.owner"),
        ("Pet", {"kind": "dog", "owner": None, "size": "big"}, "$.size"),
        ("Tree", {"branches": [{"branches": [{}]}]}, "$.branches[0].branches[0]"),
        (("/pets/{id}", "get", 200), {"kind": "cat"}, "lives"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(schema: Any, body: object, said: str) -> None:
    with pytest.raises(NotAsDescribed) as refused:
        _PETS.validate(schema, body)
    assert said in str(refused.value)


def test_a_schema_that_is_not_described_is_an_error_of_the_test() -> None:
    with pytest.raises(KeyError):
        _PETS.validate("Fish", {})


_USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
_SOUND: dict[str, dict[str, Any]] = {
    "CreateChatCompletionResponse": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Yes.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    },
    "CreateChatCompletionStreamResponse": {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": None}],
    },
    "CreateEmbeddingResponse": {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    },
    "ListModelsResponse": {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}],
    },
    "ErrorResponse": {
        "error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}
    },
    "ResponseStreamEvent": {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "Yes.",
        "sequence_number": 4,
        "logprobs": [],
    },
    "OutputItem": {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Yes.", "annotations": [], "logprobs": []}],
    },
}
_MAY_MISS = {("CreateChatCompletionResponse", "usage")}


@pytest.mark.parametrize("schema", _SOUND)
def test_a_sound_body_fits_the_description(schema: str, data_sets: Path) -> None:
    openai_description(data_sets).validate(schema, _SOUND[schema])


@pytest.mark.parametrize("schema", _SOUND)
def test_a_body_that_lacks_a_field_is_refused(schema: str, data_sets: Path) -> None:
    description = openai_description(data_sets)
    for field in _SOUND[schema].keys() - {name for at, name in _MAY_MISS if at == schema}:
        body = deepcopy(_SOUND[schema])
        del body[field]
        with pytest.raises(NotAsDescribed):
            description.validate(schema, body)


@pytest.mark.parametrize("schema", _SOUND)
def test_a_body_with_a_value_of_a_wrong_type_is_refused(schema: str, data_sets: Path) -> None:
    description = openai_description(data_sets)
    damaged = list(_damaged(_SOUND[schema]))
    assert damaged
    for body in damaged:
        with pytest.raises(NotAsDescribed):
            description.validate(schema, body)


def _damaged(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body again and again, with another of its values replaced by an object."""
    for path in _leaves(body):
        copy = deepcopy(body)
        path(copy)
        yield copy


def _leaves(value: Any, *path: str | int) -> Iterator[Callable[[Any], None]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _leaves(value[key], *path, key)
        return

    def damage(root: Any) -> None:
        for step in path[:-1]:
            root = root[step]
        root[path[-1]] = {"not": "this"}

    yield damage
