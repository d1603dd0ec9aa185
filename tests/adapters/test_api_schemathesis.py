"""Requests made up from the description of the control plane, and answers held against it."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.adapters.plane import Plane
from tests.stories.office import person

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


PLANE = Plane()
DESCRIBED = schemathesis.openapi.from_asgi("/api/v1/openapi.json", PLANE.app)


@pytest.fixture(scope="module")
def key() -> str:
    return asyncio.run(PLANE.key_of(person("root", "administrator")))


@pytest.mark.slow
@DESCRIBED.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_that_can_be_described_makes_the_control_plane_fail(
    case: schemathesis.Case[Any], key: str
) -> None:
    case.call_and_validate(headers={"authorization": f"Bearer {key}"}, checks=CHECKS)
