"""Does a body have the shape that OpenAI publishes? Answered by its OpenAPI description.

The description is made stricter and readable for a validator of JSON Schema:

- an object's schema that forgot `type: object` would accept a string; it gets its type;
- `nullable`, left over from OpenAPI 3.0, becomes a type of its own;
- alternatives that a discriminator tells apart become a choice by that property, so that
  a fault is reported at its own place and not as "none of 28 matched";
- other `oneOf` become `anyOf`: several alternatives of the description overlap.
"""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
from jsonschema.exceptions import best_match

_Schema: TypeAlias = dict[str, Any]
Target: TypeAlias = str | tuple[str, str, int]
"""Name of a schema, or path (as the description writes it), method and status of an answer."""
_SCHEMAS = "#/components/schemas/"


class NotAsDescribed(AssertionError):
    """A body does not fit the description."""


class Description:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths = document["paths"]
        self._raw: _Schema = document["components"]["schemas"]
        schemas = {name: self._prepared(schema, name) for name, schema in self._raw.items()}
        self._components = {"schemas": schemas}
        self._validators: dict[Target, jsonschema.Draft202012Validator] = {}

    def validate(self, target: Target, body: object) -> None:
        """Raises `NotAsDescribed`, which says where. `body` may be bytes of JSON."""
        value = json.loads(body) if isinstance(body, bytes) else body
        fault = best_match(self._validator(target).iter_errors(value))
        if fault is not None:
            place = fault.json_path
            raise NotAsDescribed(f"{target}: {place}: {fault.message[:400]}")

    def _validator(self, target: Target) -> jsonschema.Draft202012Validator:
        if target not in self._validators:
            schema = {**self._schema_at(target), "components": self._components}
            self._validators[target] = jsonschema.Draft202012Validator(schema)
        return self._validators[target]

    def _schema_at(self, target: Target) -> _Schema:
        if isinstance(target, str):
            return {"$ref": _SCHEMAS + _known(target, self._raw)}
        path, method, status = target
        answer = self._paths[path][method.lower()]["responses"][str(status)]
        schema: _Schema = self._prepared(answer["content"]["application/json"]["schema"], "")
        return schema

    def _prepared(self, schema: Any, root: str) -> Any:
        """The same schema as JSON Schema has it; `root` is what `$recursiveRef` goes back to."""
        if isinstance(schema, list):
            return [self._prepared(each, root) for each in schema]
        if not isinstance(schema, dict):
            return schema
        made = {
            key: value if key in _VALUES else self._prepared(value, root)
            for key, value in schema.items()
            if key not in _DROPPED
        }
        if "$recursiveRef" in schema:
            made["$ref"] = _SCHEMAS + root
        if isinstance(schema.get("properties"), dict) and not schema.keys() & _TYPED:
            made["type"] = "object"
        for key in made.keys() & _ALTERNATIVES:
            made |= self._alternatives(schema, key, made.pop(key))
        if schema.get("nullable") is True:
            return {"anyOf": [made, {"type": "null"}]}
        return made

    def _alternatives(self, schema: _Schema, key: str, prepared: list[_Schema]) -> _Schema:
        told_apart_by = schema.get("discriminator", {}).get("propertyName", "")
        tags = [self._tags(each, told_apart_by) for each in schema[key]]
        flat = [tag for each in tags for tag in each]
        if not told_apart_by or not all(tags) or len(set(flat)) < len(flat):
            return {"anyOf": prepared}
        return {
            "type": "object",
            "required": [told_apart_by],
            "properties": {told_apart_by: {"enum": flat}},
            "allOf": [
                {"if": {"properties": {told_apart_by: {"enum": each}}}, "then": one}
                for each, one in zip(tags, prepared, strict=True)
            ],
        }

    def _tags(self, schema: _Schema, name: str) -> list[str]:
        """Values of the discriminating property that belong to this alternative."""
        if "$ref" in schema:
            return self._tags(self._raw[schema["$ref"].removeprefix(_SCHEMAS)], name)
        found = [tag for part in schema.get("allOf", ()) for tag in self._tags(part, name)]
        return found or list(schema.get("properties", {}).get(name, {}).get("enum", ()))


_DROPPED = frozenset({"nullable", "discriminator", "$recursiveRef", "$recursiveAnchor"})
_VALUES = frozenset({"enum", "const", "default", "example", "examples", "x-oaiMeta"})
_ALTERNATIVES = frozenset({"oneOf", "anyOf"})
_TYPED = frozenset({"type", "$ref"})


def _known(name: str, schemas: Mapping[str, Any]) -> str:
    if name not in schemas:
        raise KeyError(f"the description has no schema {name!r}")
    return name


@cache
def openai_description(data_sets: Path) -> Description:
    """OpenAI's own description, read once."""
    with gzip.open(data_sets / "openapi" / "openai-openapi.json.gz") as file:
        return Description(json.load(file))
