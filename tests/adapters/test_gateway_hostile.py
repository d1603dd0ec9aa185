"""Clients that send what no SDK sends, over raw sockets, against the real listener."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.adapters.gateway.edge import EdgeLimits
from passerelle.adapters.gateway.listeners import Listening
from tests.adapters.canned import (
    KEY,
    CannedServer,
    chat_request,
    gateway_parts,
    raw,
    running,
    until,
)

GOOD = b'{"model":"handbook","messages":[{"role":"user","content":"?"}]}'
STREAM = b'{"model":"handbook","messages":[{"role":"user","content":"?"}],"stream":true}'
BEARER = b"authorization: Bearer " + KEY.encode() + b"\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + BEARER
IMPATIENT = Listening(header_seconds=0.4, linger_seconds=0.5, stalled_seconds=0.5)


def limited(limits: EdgeLimits) -> Callable[[CannedServer], GatewayParts]:
    return lambda server: replace(gateway_parts(server), limits=limits)


def parsed(answer: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b"null", "invalid_json", None),
        (b'"text"', "invalid_json", None),
        (b"[" * 50_000, "invalid_json", None),
        (b'{"model":"\xff","messages":[]}', "invalid_json", None),
        (b'{"model":"a\xc3', "invalid_json", None),
        (GOOD + b"x", "invalid_json", None),
        (b'{"messages":[{"role":"user","content":"?"}]}', "invalid_value", "model"),
        (b'{"model":"a"}', "invalid_value", "messages"),
        (b'{"model":"a","messages":[]}', "invalid_value", "messages"),
        (b'{"model":"","messages":[{"role":"user","content":""}]}', "invalid_value", "model"),
        (b'{"model":7,"messages":[]}', "invalid_value", "model"),
        (b'{"model":"a","messages":"hello"}', "invalid_value", "messages"),
        (b'{"model":"a","messages":[7]}', "invalid_value", "messages[0]"),
        (b'{"model":"a","messages":[{"role":"king"}]}', "invalid_value", "messages[0].role"),
        (
            b'{"model":"a","messages":[{"role":"user","content":{"a":1}}]}',
            "invalid_value",
            "messages[0].content",
        ),
        (GOOD[:-1] + b',"temperature":"hot"}', "invalid_value", "temperature"),
        (GOOD[:-1] + b',"temperature":2.5}', "invalid_value", "temperature"),
        (GOOD[:-1] + b',"max_tokens":0}', "invalid_value", "max_tokens"),
        (GOOD[:-1] + b',"max_completion_tokens":-1}', "invalid_value", "max_completion_tokens"),
        (GOOD[:-1] + b',"stream":"yes"}', "invalid_value", "stream"),
        (GOOD[:-1] + b',"stream_options":{}}', "invalid_value", "stream_options"),
        (GOOD[:-1] + b',"user":1}', "invalid_value", "user"),
        (GOOD[:-1] + b',"n":0}', "invalid_value", "n"),
    ],
)
async def test_invalid_bodies_are_told_with_their_parameter(
    body: bytes, code: str, param: str | None
) -> None:
    server = CannedServer()
    async with running(server) as gateway:
        status, headers, problem = parsed(await raw(gateway.port, chat_request(body)))
    assert status == 400
    assert headers["content-type"] == "application/json"
    error = problem["error"]
    assert (error["code"], error["param"], error["type"]) == (code, param, "invalid_request_error")
    assert error["message"]
    assert server.arrivals == []


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (BEARER + b"content-type: text/plain\r\n", 415, "unsupported_media_type"),
        (
            BEARER + b"content-type: application/json; charset=latin-1\r\n",
            415,
            "unsupported_media_type",
        ),
        (BEARER + b"content-encoding: gzip\r\n", 415, "unsupported_media_type"),
        (b"content-type: text/plain\r\n", 401, "invalid_api_key"),
        (b'content-type: application/json; charset="UTF-8"\r\n', 401, "invalid_api_key"),
        (b"", 401, "invalid_api_key"),
        (b"authorization: Basic YTpi\r\n", 401, "invalid_api_key"),
        (b"authorization: Bearer\r\n", 401, "invalid_api_key"),
        (b"authorization: Bearer \xff\xfe\r\n", 401, "invalid_api_key"),
    ],
)
async def test_headers_that_do_not_fit_are_refused(headers: bytes, status: int, code: str) -> None:
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nconnection: close\r\n"
        + headers
        + b"content-length: %d\r\n\r\n" % len(GOOD)
        + GOOD
    )
    async with running(CannedServer()) as gateway:
        got, _, problem = parsed(await raw(gateway.port, request))
    assert (got, problem["error"]["code"]) == (status, code)


async def test_declared_body_over_the_limit_is_refused_before_it_is_read() -> None:
    async with running(CannedServer()) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = chat_request(b"", close=False).replace(
            b"content-length: 0", b"content-length: 20000000"
        )
        writer.write(head)
        answer = await asyncio.wait_for(reader.read(65_536), 2)
        writer.close()
    status, _, problem = parsed(answer)
    assert (status, problem["error"]["code"]) == (413, "request_too_large")


async def test_client_that_sends_20_mb_reads_why_and_may_go_on() -> None:
    async with running(CannedServer()) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        body = b" " * 20_000_000
        writer.write(chat_request(body, close=False))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        problem = json.loads(await reader.readexactly(length))
        writer.write(chat_request(GOOD))
        second = await reader.read()
        writer.close()
    assert b" 413 " in head
    assert problem["error"]["code"] == "request_too_large"
    assert second.startswith(b"HTTP/1.1 200 ")


async def test_chunked_body_without_a_length_stops_at_the_limit() -> None:
    server = CannedServer()
    async with running(server, parts=limited(EdgeLimits(body_bytes=1_000))) as gateway:
        head = chat_request(b"").replace(b"content-length: 0\r\n\r\n", b"")
        chunk = b"400\r\n" + b"x" * 1_024 + b"\r\n"
        answer = await raw(
            gateway.port, head + b"transfer-encoding: chunked\r\n\r\n" + chunk * 3, seconds=2
        )
    assert parsed(answer)[0] == 413
    assert server.arrivals == []


async def test_slow_body_is_told_and_cut() -> None:
    limits = EdgeLimits(body_seconds=0.3)
    async with running(CannedServer(), parts=limited(limits), listening=IMPATIENT) as gateway:
        head = chat_request(GOOD)[: -len(GOOD)]
        answer = await raw(gateway.port, head + GOOD[:10], seconds=3)
    status, _, problem = parsed(answer)
    assert (status, problem["error"]["code"]) == (408, "request_timeout")


async def test_slow_headers_are_told_and_cut() -> None:
    async with running(CannedServer(), listening=IMPATIENT) as gateway:
        answer = await raw(gateway.port, b"POST /v1/chat/completions HTTP/1.1\r\nhost:", seconds=3)
    status, _, problem = parsed(answer)
    assert (status, problem["error"]["code"]) == (408, "request_timeout")


async def test_trickled_headers_do_not_extend_their_deadline() -> None:
    async with running(CannedServer(), listening=IMPATIENT) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        started = asyncio.get_running_loop().time()

        async def trickle() -> None:
            for byte in b"POST /v1/chat/completions HTTP/1.1\r\n" + b"a: b\r\n" * 100:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.05)

        sending = asyncio.create_task(trickle())
        answer = await asyncio.wait_for(reader.read(), 5)
        sending.cancel()
        writer.close()
    assert parsed(answer)[0] == 408
    assert asyncio.get_running_loop().time() - started < 2


async def test_silent_connection_is_closed() -> None:
    async with running(CannedServer(), listening=IMPATIENT) as gateway:
        assert await asyncio.wait_for(raw(gateway.port, b"", seconds=4), 3) == b""


@pytest.mark.parametrize(
    "headers",
    [b"x-big: " + b"a" * 40_000 + b"\r\n", b"x-a: 1\r\n" * 5_000, b"x-endless: " + b"a" * 200_000],
)
async def test_headers_over_the_limit_are_refused(headers: bytes) -> None:
    async with running(CannedServer()) as gateway:
        answer = await raw(gateway.port, chat_request(GOOD, headers=headers), seconds=2)
    status, _, problem = parsed(answer)
    assert (status, problem["error"]["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_refused_in_our_shape(request_bytes: bytes) -> None:
    server = CannedServer()
    async with running(server) as gateway:
        answer = await raw(gateway.port, request_bytes, seconds=2)
    status, _, problem = parsed(answer)
    assert status in (400, 408)
    assert problem["error"]["type"] == "invalid_request_error"
    assert server.arrivals == []


async def test_more_connections_than_allowed_are_turned_away() -> None:
    async with running(CannedServer(), listening=Listening(connections=2)) as gateway:
        held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(2)]
        answer = await raw(gateway.port, b"", seconds=2)
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        good = await raw(gateway.port, chat_request(GOOD))
    assert parsed(answer)[2]["error"]["code"] == "too_many_connections"
    assert good.startswith(b"HTTP/1.1 200 ")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running(CannedServer()) as gateway:
        both = chat_request(GOOD, headers=b"x-request-id: first\r\n", close=False) + chat_request(
            GOOD, headers=b"x-request-id: second\r\n"
        )
        answer = await raw(gateway.port, both)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.index(b"x-request-id: first") < answer.index(b"x-request-id: second")


async def test_unfit_request_ids_are_replaced() -> None:
    async with running(CannedServer()) as gateway:
        for given_id in (b"a b", b"x" * 200, b"<script>", b"\xff"):
            request = chat_request(GOOD, headers=b"x-request-id: " + given_id + b"\r\n")
            _, headers, _ = parsed(await raw(gateway.port, request))
            assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models/a/b", 405, "method_not_allowed"),
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1", 404, "unknown_url"),
        ("GET", "/v1/models/", 404, "unknown_url"),
        ("BREW", "/v1/models", 400, "invalid_http"),
    ],
)
async def test_unknown_paths_and_methods_have_the_shape_of_openai(
    method: str, path: str, status: int, code: str
) -> None:
    request = f"{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode()
    async with running(CannedServer()) as gateway:
        got, headers, problem = parsed(await raw(gateway.port, request, seconds=2))
    assert (got, problem["error"]["code"]) == (status, code)
    if status == 405:
        assert headers["allow"] in ("post", "get")


async def test_unexpected_error_tells_nothing_of_our_inside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = CannedServer(error=RuntimeError("password is hunter2"))
    async with running(server) as gateway:
        status, headers, problem = parsed(await raw(gateway.port, chat_request(GOOD)))
    assert (status, problem["error"]["code"]) == (500, "internal_error")
    assert "hunter2" not in json.dumps(problem)
    assert headers["x-request-id"] in problem["error"]["message"]
    assert caplog.records[0].name == "passerelle.gateway"


async def test_disconnect_at_every_point_of_a_stream_ends_the_exchange_once() -> None:
    server = CannedServer(window=4, pause=0.002)
    async with running(server) as gateway:
        whole = await raw(gateway.port, chat_request(STREAM, close=True))
        assert server.ended == ["whole"]
        # The header with our own time may be a digit shorter the next time.
        for cut in range(1, len(whole) - 8, 97):
            server.ended.clear()
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(chat_request(STREAM))
            await reader.readexactly(cut)
            writer.transport.abort()
            await until(lambda: server.ended)
            await asyncio.sleep(0.003)
            assert server.ended in (["whole"], ["cut off"])


async def test_client_that_leaves_while_the_provider_thinks_cancels_the_stream() -> None:
    server = CannedServer(pause=30)
    async with running(server) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(chat_request(STREAM))
        await until(lambda: server.arrivals)
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await until(lambda: server.ended)
    assert server.ended == ["cut off"]


async def test_client_that_reads_nothing_holds_the_stream_back_and_is_cut_in_the_end() -> None:
    server = CannedServer(text="x" * 40_000_000, window=100_000)
    async with running(server, listening=IMPATIENT) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1)
        writer.write(chat_request(STREAM))
        await until(lambda: server.ended)
        assert reader is not None
        writer.transport.abort()
    assert server.ended == ["cut off"]


async def test_drain_finishes_what_runs_and_says_that_it_is_not_ready() -> None:
    server = CannedServer(pause=0.1, window=40)
    async with running(server) as gateway:
        answering = asyncio.create_task(raw(gateway.port, chat_request(STREAM)))
        await until(lambda: server.arrivals)
        gateway.stop.set()
        answer = await answering
        await gateway.done
    assert answer.rstrip().endswith(b"0")
    assert b"data: [DONE]" in answer
    assert server.ended == ["whole"]


async def test_drain_that_lasts_too_long_cancels_with_an_entry_and_a_word() -> None:
    server = CannedServer(pause=20)
    async with running(server, listening=Listening(drain_seconds=0.2)) as gateway:
        stream = asyncio.create_task(raw(gateway.port, chat_request(STREAM)))
        await until(lambda: server.arrivals)
        await asyncio.sleep(0.02)
        gateway.stop.set()
        await gateway.done
        status, _, problem = parsed(await stream)
    assert (status, problem["error"]["code"]) == (503, "shutting_down")
    assert server.ended == ["cut off"]


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_fields = st.sampled_from(
    [
        "model",
        "messages",
        "stream",
        "n",
        "max_tokens",
        "temperature",
        "user",
        "stream_options",
        "tools",
    ]
)


@settings(max_examples=60, deadline=None)
@given(body=st.dictionaries(_fields, _json_values, max_size=5), noise=st.binary(max_size=4))
def test_no_body_makes_the_gateway_fail(body: dict[str, Any], noise: bytes) -> None:
    async def ask() -> bytes:
        async with running(CannedServer()) as gateway:
            return await raw(gateway.port, chat_request(json.dumps(body).encode() + noise))

    status, _, _ = parsed(asyncio.run(ask()).split(b"data: ")[0] or b"")
    assert status in (200, 400)


async def test_others_are_served_while_hostile_clients_hang_on() -> None:
    server = CannedServer()
    pick = random.Random(3)  # noqa: S311 - a repeatable choice of cuts
    async with running(server) as gateway:
        hanging = []
        for _ in range(60):
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            whole = chat_request(STREAM, close=False)
            writer.write(whole[: pick.randrange(len(whole))])
            hanging.append(writer)
        answers = [await raw(gateway.port, chat_request(GOOD)) for _ in range(20)]
        for writer in hanging:
            writer.transport.abort()
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert KEY.encode() not in b"".join(answers)
