"""Applications that speak ASGI, behind our own reading and writing of HTTP."""

import asyncio
from collections.abc import Callable

import pytest

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.gateway.asgi import ASGIApp, Receive, Scope, Send
from passerelle.adapters.gateway.edge import EdgeLimits
from passerelle.adapters.gateway.mounts import Deferred
from tests.adapters.canned import CannedServer, gateway_parts, raw, running, until

LIMITS = EdgeLimits(body_bytes=1_000_000, body_seconds=0.3)
GET = b"GET /app HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


def mounting(app: ASGIApp) -> Callable[[CannedServer], GatewayParts]:
    return lambda server: gateway_parts(server, mounts={"/app": app}, limits=LIMITS)


async def asked(app: ASGIApp, request: bytes = GET) -> bytes:
    async with running(CannedServer(), parts=mounting(app)) as gateway:
        return await raw(gateway.port, request, seconds=2)


def saying(*parts: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return app


async def test_scope_says_what_was_asked() -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await saying(b"fine")(scope, receive, send)

    await asked(
        app,
        b"DELETE /app/%C3%A9%20x?a=%26&b HTTP/1.1\r\nhost: a\r\ncookie: c=1\r\ncookie: d=2\r\n"
        b"connection: close\r\n\r\n",
    )
    (scope,) = scopes
    assert (scope["type"], scope["method"], scope["path"]) == ("http", "DELETE", "/app/é x")
    assert (scope["raw_path"], scope["query_string"]) == (b"/app/%C3%A9%20x", b"a=%26&b")
    assert (scope["scheme"], scope["http_version"]) == ("http", "1.1")
    assert [value for name, value in scope["headers"] if name == b"cookie"] == [b"c=1", b"d=2"]
    assert scope["client"][0] == "127.0.0.1"


async def test_answer_without_a_length_is_chunked() -> None:
    told = await asked(saying(b"one", b"", b"two"))
    assert b"transfer-encoding: chunked\r\n" in told
    assert told.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_answer_with_a_length_is_left_as_it_is() -> None:
    told = await asked(saying(b"one", b"two", headers=((b"Content-Length", b"6"),)))
    assert b"chunked" not in told
    assert told.endswith(b"\r\n\r\nonetwo")


async def test_head_gets_the_length_and_no_body() -> None:
    app = saying(b"sixsix", headers=((b"content-length", b"6"),))
    told = await asked(app, GET.replace(b"GET", b"HEAD"))
    assert b"content-length: 6\r\n" in told.lower()
    assert told.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("part", [b"short", b"much too long"])
async def test_answer_of_another_length_than_it_says_is_cut(part: bytes) -> None:
    told = await asked(saying(part, headers=((b"content-length", b"6"),)))
    assert b"much" not in told
    assert len(told.partition(b"\r\n\r\n")[2]) < 6


async def test_header_with_a_line_break_never_leaves() -> None:
    told = await asked(saying(b"", headers=((b"x-evil", b"a\r\nset-cookie: b"),)))
    assert told.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in told


async def test_application_hears_that_the_client_has_left() -> None:
    heard: list[str] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        heard.append("asked")
        while (message := await receive())["type"] != "http.disconnect":
            assert message["more_body"] is False
        heard.append("left")

    async with running(CannedServer(), parts=mounting(app)) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(GET)
        await until(lambda: heard)
        writer.transport.abort()
        await until(lambda: len(heard) == 2)
    assert heard == ["asked", "left"]


async def test_application_hears_of_the_end_after_its_own_answer() -> None:
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        watching = asyncio.create_task(watch(receive))
        await saying(b"fine")(scope, receive, send)
        await watching

    async def watch(receive: Receive) -> None:
        heard.append((await receive())["type"])

    assert (await asked(app)).endswith(b"fine\r\n0\r\n\r\n")
    assert heard == ["http.disconnect"]


async def test_body_comes_in_pieces_and_slow_ones_are_cut() -> None:
    sizes: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            sizes.append(len(message["body"]))
            if not message["more_body"]:
                break
        await saying(b"fine")(scope, receive, send)

    head = b"POST /app HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 500000\r\n\r\n"
    assert (await asked(app, head + b"x" * 500_000)).startswith(b"HTTP/1.1 200 ")
    assert sum(sizes) == 500_000
    assert len(sizes) > 1
    assert (await asked(app, head + b"x" * 5)).startswith(b"HTTP/1.1 408 ")


async def test_deferred_application_is_made_once_at_its_first_request() -> None:
    made: list[str] = []

    def make() -> ASGIApp:
        made.append("made")
        return saying(b"fine", headers=((b"content-length", b"4"),))

    async with running(CannedServer(), parts=mounting(Deferred(make))) as gateway:
        assert made == []
        answers = await asyncio.gather(*(raw(gateway.port, GET) for _ in range(5)))
    assert made == ["made"]
    assert all(answer.endswith(b"fine") for answer in answers)


async def test_deferred_application_that_could_not_be_made_is_tried_again() -> None:
    tries = iter([OSError("not now"), None])

    def make() -> ASGIApp:
        if (fault := next(tries)) is not None:
            raise fault
        return saying(b"fine")

    async with running(CannedServer(), parts=mounting(Deferred(make))) as gateway:
        assert (await raw(gateway.port, GET)).startswith(b"HTTP/1.1 500 ")
        assert (await raw(gateway.port, GET)).startswith(b"HTTP/1.1 200 ")
