import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from passerelle.adapters.api.app import ROUTES
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.core.values.errors import Unavailable
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from tests.adapters.plane import Plane
from tests.stories.office import person

ADA = person("ada", "administrator")
BODY = {"label": "job", "kind": "service", "roles": ["end_user"]}


async def break_down(_: Granted, __: ApiParts) -> str:
    raise RuntimeError("the answer was 42 and the key sk-live-planted")


async def be_away(_: Granted, __: ApiParts) -> str:
    raise Unavailable("Try later.", retry_after_seconds=1.6)


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
async def key(plane: Plane) -> str:
    return await plane.key_of(ADA)


def problem_of(response: httpx.Response, *, status: int, code: str) -> str:
    """The problem's detail, once its form is checked."""
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:passerelle:problem:{code}"
    assert problem["title"]
    return str(problem["detail"])


@pytest.mark.parametrize(
    "path",
    ["nothing", "", "/api/v1", "/api/v1/", "/api/v2/me", "/", "/schema", "docs"],
)
async def test_unknown_path_is_a_problem_too(path: str, plane: Plane, key: str) -> None:
    problem_of(await plane.call("GET", path, key=key), status=404, code="not_found")


async def test_wrong_method_is_a_problem_too(plane: Plane, key: str) -> None:
    response = await plane.call("PATCH", "keys", key=key)
    problem_of(response, status=405, code="method_not_allowed")


async def test_missing_key_says_how_to_send_one(plane: Plane) -> None:
    response = await plane.call("GET", "me")
    detail = problem_of(response, status=401, code="invalid_api_key")
    assert "Authorization: Bearer" in detail
    assert response.headers["www-authenticate"] == 'Bearer realm="passerelle"'


@pytest.mark.parametrize("header", ["Basic {}", "{}", "Bearer", "bearer  ", "Bearer\t{}"])
async def test_other_ways_of_sending_a_key_are_not_taken(
    header: str, plane: Plane, key: str
) -> None:
    headers = {"authorization": header.format(key)}
    problem_of(await plane.call("GET", "me", headers=headers), status=401, code="invalid_api_key")


async def test_missing_permission_is_named(plane: Plane) -> None:
    response = await plane.as_role("end_user", "GET", "ledger")
    assert "ledger:read" in problem_of(response, status=403, code="permission_denied")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "data"),
        (b"{", "truncated"),
        (b"\xff\xfe", ""),
        (b"[]", "object"),
        (b'{"label": 1, "kind": "service", "roles": []}', "label"),
        (b'{"label": "x", "kind": "robot", "roles": []}', "kind"),
        (b'{"label": "x", "kind": "service", "roles": ["emperor"]}', "roles"),
        (b'{"label": "x", "kind": "service", "roles": [], "admin": true}', "admin"),
        (b'{"label": "x", "kind": "service"}', "roles"),
        (b"[" * 20_000, "deep"),
        (b'{"label":' * 5_000, "deep"),
    ],
)
async def test_body_that_cannot_be_read_names_what_is_wrong(
    body: bytes, told: str, plane: Plane, key: str
) -> None:
    response = await plane.call(
        "POST", "keys", key=key, content=body, headers={"content-type": "application/json"}
    )
    assert told in problem_of(response, status=400, code="invalid_request")
    assert len(plane.store.keys.all("acme")) == 1


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_body_of_another_media_type_is_not_read(
    media_type: str, plane: Plane, key: str
) -> None:
    response = await plane.call(
        "POST", "keys", key=key, content=b"{}", headers={"content-type": media_type}
    )
    problem_of(response, status=415, code="unsupported_media_type")


async def test_body_that_is_too_large_is_refused(plane: Plane, key: str) -> None:
    response = await plane.call("POST", "keys", key=key, json=BODY | {"label": "x" * 70_000})
    problem_of(response, status=413, code="request_too_large")


async def test_body_of_unknown_length_is_measured_as_it_comes(plane: Plane, key: str) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b" " * 1_000
        raise AssertionError("it was read to its end")

    response = await plane.call(
        "POST", "keys", key=key, content=drip(), headers={"content-type": "application/json"}
    )
    problem_of(response, status=413, code="request_too_large")


async def test_fault_of_ours_tells_nobody_its_text(caplog: pytest.LogCaptureFixture) -> None:
    route = read("/broken", Permission.PROFILE_READ, break_down)
    plane = Plane(routes=(*ROUTES, route))
    with caplog.at_level(logging.DEBUG):
        response = await plane.call("GET", "broken", key=await plane.key_of(ADA))
    assert problem_of(response, status=500, code="internal_error") == ""
    assert "RuntimeError" in caplog.text
    assert "planted" not in caplog.text + response.text


async def test_part_that_is_away_says_when_to_come_back() -> None:
    plane = Plane(routes=(*ROUTES, read("/away", Permission.PROFILE_READ, be_away)))
    response = await plane.call("GET", "away", key=await plane.key_of(ADA))
    assert problem_of(response, status=503, code="unavailable") == "Try later."
    assert response.headers["retry-after"] == "2"


async def test_write_without_a_ledger_is_refused_and_not_done(plane: Plane, key: str) -> None:
    plane.store.ledger.close()
    response = await plane.call("POST", "keys", key=key, json=BODY)
    problem_of(response, status=503, code="ledger_unavailable")
    assert len(plane.store.keys.all("acme")) == 1


@pytest.mark.parametrize("path", ["me", "nothing", "openapi.json"])
async def test_every_response_carries_the_headers_that_protect(
    path: str, plane: Plane, key: str
) -> None:
    headers = {"origin": "https://elsewhere.example"}
    response = await plane.call("GET", path, key=key, headers=headers)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert not any(name.startswith("access-control") for name in response.headers)


async def test_browser_of_another_origin_is_allowed_nothing(plane: Plane) -> None:
    asked = {
        "origin": "https://elsewhere.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    response = await plane.call("OPTIONS", "keys", headers=asked)
    assert not any(name.startswith("access-control") for name in response.headers)
    assert response.content == b""
