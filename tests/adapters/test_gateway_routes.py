"""Which endpoint a path reaches, who may enter it, and in which shape it refuses."""

import json
from typing import Any

import httpx
import pytest

from passerelle.adapters.gateway.admission import Admission
from passerelle.adapters.gateway.edge import Request
from passerelle.adapters.gateway.problems import MethodNotAllowed, NoSuchEndpoint
from passerelle.adapters.gateway.routes import Endpoint, Public, RouteTable
from passerelle.core.values.errors import Refusal
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import Unauthenticated
from passerelle.domain.identity.permissions import Permission
from tests.adapters.canned import KEY, CannedServer, chat_request, raw, running

NEEDS = Permission.MODEL_LIST
CALLER = Principal("per_1", "person", "Ada", Scope("acme", "support"), frozenset({"developer"}))


async def _nothing(request: Request) -> None:
    await request.reply(204, b"", ())


def shouted(refusal: Refusal, request_id: str) -> bytes:
    return f"{refusal.code} {request_id}!".encode()


TABLE = RouteTable(
    [
        Endpoint("GET", "/v1/things", NEEDS, _nothing),
        Endpoint("GET", "/v1/things/{thing}", NEEDS, _nothing),
        Endpoint("DELETE", "/v1/things/{thing}", NEEDS, _nothing),
        Endpoint("GET", "/v1/things/{thing}/parts/{part}", NEEDS, _nothing),
        Endpoint("GET", "/v1/things/all", NEEDS, _nothing),
        Endpoint("GET", "/v1/files/*", NEEDS, _nothing),
        Endpoint("POST", "/v1/loud", NEEDS, _nothing, errors=shouted),
        Endpoint("GET", "/v1/loud/{one}", NEEDS, _nothing, errors=shouted),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/v1/things", "/v1/things", {}),
        ("GET", "/v1/things/a-1", "/v1/things/{thing}", {"thing": "a-1"}),
        ("HEAD", "/v1/things/a", "/v1/things/{thing}", {"thing": "a"}),
        ("DELETE", "/v1/things/a", "/v1/things/{thing}", {"thing": "a"}),
        ("GET", "/v1/things/all", "/v1/things/all", {}),
        ("DELETE", "/v1/things/all", "/v1/things/{thing}", {"thing": "all"}),
        (
            "GET",
            "/v1/things/a/parts/b",
            "/v1/things/{thing}/parts/{part}",
            {"thing": "a", "part": "b"},
        ),
        ("GET", "/v1/files/a/b", "/v1/files/*", {}),
    ],
)
def test_path_reaches_its_endpoint(
    method: str, path: str, route: str, parameters: dict[str, str]
) -> None:
    found = TABLE.find(method, path)
    assert (found.endpoint.path, found.parameters) == (route, parameters)


@pytest.mark.parametrize(
    "path", ["/v1/things/", "/v1/things/a/parts", "/v1/things/a/b", "/v1/files/", "/v1/Things", ""]
)
def test_path_that_reaches_nothing_is_unknown(path: str) -> None:
    with pytest.raises(NoSuchEndpoint):
        TABLE.find("GET", path)


def test_other_methods_are_told_which_are_taken() -> None:
    with pytest.raises(MethodNotAllowed, match="DELETE, GET"):
        TABLE.find("POST", "/v1/things/a")


@pytest.mark.parametrize(
    ("path", "loud"),
    [
        ("/v1/loud", True),
        ("/v1/loud/a", True),
        ("/v1/loud/a/nothing", True),
        ("/v1/louder", False),
        ("/v1/things", False),
    ],
)
def test_errors_have_the_shape_of_what_stands_above(path: str, *, loud: bool) -> None:
    assert (TABLE.errors_at(path) is shouted) is loud


def test_known_keys_are_asked_about_once_and_refused_ones_every_time() -> None:
    asked: list[str] = []

    def granted(credential: str, permission: Permission) -> Granted:
        asked.append(f"{credential} {permission}")
        if credential != KEY:
            raise Unauthenticated
        return authorise(CALLER, permission)

    admission = Admission(granted)
    reads, writes = (
        Endpoint(method, "/v1/things", needs, _nothing)
        for method, needs in (("GET", NEEDS), ("POST", Permission.FLAG_CREATE))
    )
    for _ in range(3):
        admission.expect(KEY, reads)
    admission.expect(KEY, writes)
    assert asked == [f"{KEY} model:list", f"{KEY} {Permission.FLAG_CREATE}"]
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            admission.expect("", reads)
    assert len(asked) == 4
    admission.expect("", Endpoint("GET", "/healthz", Public("for probes"), _nothing))
    admission.expect("", Endpoint("GET", "/metrics", NEEDS, _nothing, open_to_some=True))
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "kind"),
    [
        ("POST", "/v1/messages", {}, 401, "authentication_error"),
        ("POST", "/v1/messages", {"x-api-key": "sk-wrong"}, 401, "authentication_error"),
        ("GET", "/v1/messages", {"x-api-key": KEY}, 405, "invalid_request_error"),
        ("POST", "/v1/messages/nothing", {"x-api-key": KEY}, 404, "not_found_error"),
        (
            "POST",
            "/v1/messages",
            {"x-api-key": KEY, "content-type": "text/plain"},
            415,
            "invalid_request_error",
        ),
        ("POST", "/v1/messages", {"x-api-key": KEY}, 413, "request_too_large"),
        ("POST", "/v1/messages/count_tokens", {}, 401, "authentication_error"),
    ],
)
async def test_refusals_below_messages_have_the_shape_of_anthropic(
    method: str, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    content = b" " * (2_100_000 if status == 413 else 10)
    async with (
        running(CannedServer()) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        answer = await client.request(method, path, headers=headers, content=content)
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"], told["error"]["type"]) == (status, "error", kind)
    assert answer.headers["x-request-id"].startswith("req_")


async def test_key_is_judged_before_media_type_and_body() -> None:
    request = chat_request(b"{", headers=b"x: y\r\n").replace(KEY.encode(), b"sk-wrong")
    request = request.replace(b"application/json", b"text/plain")
    async with running(CannedServer()) as gateway:
        told = await raw(gateway.port, request)
    assert told.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Bearer\r\n" in told
    assert json.loads(told.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_api_key"
