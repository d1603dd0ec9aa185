import json
from typing import Any

import pytest

from passerelle.adapters.api.app import ROUTES, openapi_document
from passerelle.adapters.api.routes import Route
from tests.adapters.plane import Plane

DOCUMENT: dict[str, Any] = json.loads(openapi_document())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path.replace(":str", "")][route.method.lower()]
    return found


def references(node: object) -> list[str]:
    """Every $ref below a node."""
    if isinstance(node, dict):
        own = [str(node["$ref"])] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def untyped(node: object, place: str = "") -> list[str]:
    """Properties of a schema that say nothing about their type."""
    if not isinstance(node, dict):
        return []
    says = {"type", "$ref", "oneOf", "anyOf", "allOf", "enum", "const"}
    own = [] if says & node.keys() else [place]
    inner = dict(node.get("properties", {}))
    if "items" in node:
        inner["[]"] = node["items"]
    return own + [
        found for name, value in inner.items() for found in untyped(value, f"{place}.{name}")
    ]


async def test_served_document_is_the_one_that_clients_are_generated_from() -> None:
    response = await Plane().call("GET", "openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


def test_document_describes_exactly_the_routes() -> None:
    described = {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path.replace(":str", "")) for route in ROUTES}
    assert DOCUMENT["openapi"].startswith("3.1")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_operation_says_name_permission_security_and_problems(route: Route) -> None:
    told = operation(route)
    assert told["operationId"] == route.name
    assert f"`{route.permission}`" in told["description"]
    assert told["security"] == [{"bearer": []}]
    for status in ("400", "401", "403", "404", "503"):
        content = told["responses"][status]["content"]["application/problem+json"]
        assert content["schema"]["$ref"].endswith("/Problem")
    answer = told["responses"][str(route.status)]["content"]["application/json"]["schema"]
    assert references(answer)
    assert ("requestBody" in told) == route.takes_body


def test_every_reference_leads_to_a_schema() -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert names <= set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_type(name: str) -> None:
    assert untyped(SCHEMAS[name], name) == []


def test_choices_are_spelt_out() -> None:
    assert SCHEMAS["ContentState"]["enum"] == ["shown", "hidden", "erased", "not_kept"]
    assert "administrator" in SCHEMAS["Role"]["enum"]
    assert "wrong" in SCHEMAS["FlagReason"]["enum"]


def test_bearer_scheme_is_declared() -> None:
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
