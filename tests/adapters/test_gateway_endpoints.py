"""Probes, metrics, mounts, permissions and TLS of the gateway."""

import asyncio
import os
import resource
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.gateway.asgi import Receive, Scope, Send
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.listeners import CannotListen, Listener, Listening
from passerelle.adapters.gateway.routes import (
    Endpoint,
    Public,
    RouteTable,
    UndeclaredPermission,
)
from passerelle.domain.identity.permissions import Permission
from tests.adapters.canned import KEY, CannedServer, chat_request, gateway_parts, running
from tests.adapters.certificates import self_signed

BEARER = {"authorization": f"Bearer {KEY}"}


def changed(**changes: object) -> Callable[[CannedServer], GatewayParts]:
    return lambda server: gateway_parts(server, **changes)


async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    """Says which path it saw and how long the body was."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = [(b"content-type", b"text/plain"), (b"x-frame-options", b"SAMEORIGIN")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = f"{scope['path']} {size}".encode()
    await send({"type": "http.response.body", "body": body})


async def test_probes_are_public_and_readiness_is_truthful() -> None:
    faults: tuple[str, ...] = ()
    async with (
        running(CannedServer(), parts=changed(ready=lambda: faults)) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.head("/healthz")).content == b""
        faults = ("the ledger cannot be written",)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["faults"]) == (503, list(faults))
        faults = ()
        gateway.gateway.begin_drain()
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["faults"]) == (503, ["shutting down"])


@pytest.mark.parametrize(
    ("open_to_loopback", "headers", "status"),
    [
        (True, {}, 200),
        (True, {"x-forwarded-for": "10.0.0.1"}, 401),
        (False, {}, 401),
        (False, BEARER, 200),
    ],
)
async def test_metrics_are_open_to_the_machine_or_to_a_key(
    open_to_loopback: bool,  # noqa: FBT001 - a parameter of the test
    headers: dict[str, str],
    status: int,
) -> None:
    parts = changed(metrics_open_to_loopback=open_to_loopback)
    async with (
        running(CannedServer(), parts=parts) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        await client.get("/v1/models", headers=BEARER)
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == status
    if status == 200:
        line = 'passerelle_requests_total{endpoint="/v1/models",method="GET",status="200"} 1'
        assert line in answer.text.splitlines()


async def test_paths_of_clients_never_become_labels() -> None:
    async with (
        running(CannedServer(), parts=changed(metrics_open_to_loopback=True)) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        await client.get("/v1/models/secret-name", headers=BEARER)
        await client.get("/v1/secret-path", headers=BEARER)
        text = (await client.get("/metrics")).text
    assert "secret" not in text
    assert 'endpoint="/v1/models/*"' in text


async def test_answers_carry_security_headers_and_the_request_id() -> None:
    async with (
        running(CannedServer()) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        answer = await client.get("/v1/models", headers={**BEARER, "x-request-id": "trace-7"})
    assert answer.headers["x-request-id"] == "trace-7"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert "date" in answer.headers


async def test_mounts_get_their_paths_whole_and_keep_their_own_headers() -> None:
    mounts = {"/api/v1": mounted, "/": mounted}
    async with (
        running(CannedServer(), parts=changed(mounts=mounts)) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        api = await client.post("/api/v1/flags", content=b"12345")
        console = await client.get("/playground")
        root = await client.get("/")
        unknown = await client.get("/v1/unknown")
        health = await client.get("/healthz")
    assert (api.text, console.text, root.text) == ("/api/v1/flags 5", "/playground 0", "/ 0")
    assert api.headers["x-frame-options"] == "SAMEORIGIN"
    assert api.headers["x-content-type-options"] == "nosniff"
    assert "x-request-id" in api.headers
    assert unknown.json()["error"]["code"] == "unknown_url"
    assert health.json() == {"status": "ok"}


async def test_body_limit_holds_for_mounts_in_their_shape() -> None:
    parts = changed(mounts={"/api/v1": mounted}, limits=EdgeLimits(body_bytes=100))
    async with (
        running(CannedServer(), parts=parts) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        answer = await client.post("/api/v1/flags", content=b"x" * 500)
        missing = await client.get("/nowhere")
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "request_too_large"
    assert missing.json()["title"] == "Not Found"


async def test_keys_in_the_headers_of_other_sdks_are_taken() -> None:
    async with (
        running(CannedServer()) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        for header in ("api-key", "x-api-key"):
            assert (await client.get("/v1/models", headers={header: KEY})).status_code == 200


async def _nothing(request: Request) -> None:
    await request.reply(204, b"", ())


@pytest.mark.parametrize("needs", [None, "", "model:list", Public("")])
def test_endpoint_without_a_permission_or_a_reason_stops_the_start(needs: object) -> None:
    endpoint = Endpoint("GET", "/v1/open", cast("Public", needs), _nothing)
    with pytest.raises(UndeclaredPermission, match="GET /v1/open"):
        RouteTable([endpoint])


async def test_every_endpoint_of_the_gateway_declares_what_it_needs() -> None:
    async with running(CannedServer()) as gateway:
        declared = {each.path: each.needs for each in gateway.gateway.routes.endpoints}
    assert declared["/v1/chat/completions"] is Permission.EXCHANGE_CREATE
    assert declared["/metrics"] is Permission.METRICS_READ
    public = {path for path, needs in declared.items() if isinstance(needs, Public)}
    assert public == {"/healthz", "/readyz"}


def test_longest_prefix_wins_whatever_the_order() -> None:
    needs = Permission.MODEL_LIST
    table = RouteTable(
        [Endpoint("GET", path, needs, _nothing) for path in ("/a/*", "/a/b/*", "/a/b/c")]
    )
    assert table.find("GET", "/a/b/c").endpoint.path == "/a/b/c"
    assert table.find("HEAD", "/a/b/d").endpoint.path == "/a/b/*"
    assert table.find("GET", "/a/x/y").endpoint.path == "/a/*"


async def test_tls_is_served_and_a_renewed_certificate_reaches_new_connections(
    tmp_path: Path,
) -> None:
    first = self_signed(tmp_path)
    listening = Listening(certificate=first.certificate, key=first.key)

    async def serial(port: int, context: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(chat_request(b"{}"))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        with suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()
        return head

    async with running(CannedServer(), listening=listening) as gateway:
        head = await serial(gateway.port, first.client())
        assert b"strict-transport-security: max-age=31536000" in head
        second = self_signed(tmp_path)
        with pytest.raises(ssl.SSLCertVerificationError):
            await serial(gateway.port, second.client())
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        assert (await serial(gateway.port, second.client())).startswith(b"HTTP/1.1 400 ")
        second.key.write_text("broken")
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        assert (await serial(gateway.port, second.client())).startswith(b"HTTP/1.1 400 ")


async def test_sigterm_drains_and_returns() -> None:
    async with running(CannedServer()) as gateway:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(gateway.done, 3)


async def test_tls_client_that_never_finishes_its_handshake_is_cut(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    listening = Listening(certificate=pair.certificate, key=pair.key, header_seconds=0.3)
    async with running(CannedServer(), listening=listening) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"\x16\x03\x01")
        assert await asyncio.wait_for(reader.read(), 3) == b""
        writer.close()


async def test_listener_on_a_taken_port_says_so() -> None:
    async with running(CannedServer()) as gateway:
        listener = Listener(gateway.gateway, replace(Listening(), port=gateway.port))
        with pytest.raises(CannotListen, match=f":{gateway.port}: address already in use"):
            await listener.start()


async def test_listener_takes_the_open_files_that_the_system_lets_it_have() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        async with running(CannedServer()):
            taken, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert taken == min(65_536, hard)
