"""Where a request begins and ends: nobody in front of us may see it otherwise."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.wired import Wired, answers, post, wired

POST = b"POST /x HTTP/1.1\r\nhost: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
LAST = "connection: close"


@pytest.mark.parametrize(
    "head",
    [
        POST + b"x: a\r\n b\r\n\r\n",
        POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\n host: a\r\n\r\n",
        b"GET /x HTTP/1.1\nhost: a\n\n",
        POST + b"x: a\ny: b\r\n\r\n",
        POST + b"x: a\ry: b\r\n\r\n",
        POST + b"x: a\0b\r\n\r\n",
        POST + b"no colon\r\n\r\n",
        POST + b": no name\r\n\r\n",
        POST + b"content-length : 5\r\n\r\nhello",
        POST + b"content-length: +5\r\n\r\nhello",
        POST + b"content-length: 5, 5\r\n\r\nhello",
        POST + b"content-length: 0x5\r\n\r\nhello",
        POST + b"content-length: \r\n\r\nhello",
        POST + b"content-length: 99999999999999999999\r\n\r\nhello",
        POST + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: gzip\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"host: b\r\n\r\n",
        POST + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
        POST + b"content-type: a/b\r\nContent-Type: c/d\r\n\r\n",
        b"POST /x HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /x\r\n\r\n",
        b"GET /x HTTP/1.2\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /x#fragment HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
async def test_head_that_others_could_read_otherwise_is_refused_with_all_that_follows(
    head: bytes,
) -> None:
    application = Wired()
    async with wired(application) as port:
        told = await answers(port, head + SMUGGLED)
    assert [status for status, _ in told] == [400]
    assert b"invalid_http" in told[0][1]
    assert application.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"1\nx\r\n0\r\n\r\n",
        b"1;a\nx\r\n0\r\n\r\n",
        b"1 \r\nx\r\n0\r\n\r\n",
        b"zz\r\nx\r\n0\r\n\r\n",
        b"-1\r\nx\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nx\r\n0\r\n\r\n",
        b"1\r\nxy\r\n0\r\n\r\n",
        b"1\r\nx\r\n0\r\ncontent-length: 1\r\n\r\n",
    ],
)
async def test_broken_chunks_end_the_connection_after_one_answer(body: bytes) -> None:
    application = Wired()
    async with wired(application) as port:
        told = await answers(port, POST + b"transfer-encoding: chunked\r\n\r\n" + body + SMUGGLED)
    assert [status for status, _ in told] == [400]
    assert application.seen == ["POST /x"]
    assert application.ended == ["invalid_http"]


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"GET http://b/x?y=1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"/x "),
        (b"GET http://b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"/ "),
        (b"\r\n\r\nGET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"/x "),
        (b"GET /%C3%A9%2Fx HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "/é/x ".encode()),
        (b"GET /x HTTP/1.0\r\n\r\n", b"/x "),
        (b"GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", b"/x "),
        (post("/x", b"hello", LAST), b"/x hello"),
        (
            b"GET /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi",
            b"/x hi",
        ),
        (
            POST + b"connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"
            b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n",
            b"/x abcde",
        ),
    ],
)
async def test_every_sound_framing_is_read(request_bytes: bytes, answer: bytes) -> None:
    async with wired(Wired()) as port:
        assert await answers(port, request_bytes) == [(200, answer)]


@pytest.mark.parametrize(
    "framed",
    [
        b"content-length: 5\r\n\r\nhello",
        b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("cut", [0, 30, 90, 120, 135])
async def test_wish_for_another_protocol_is_passed_over_and_no_body_is_lost(
    framed: bytes, cut: int
) -> None:
    """Java's client asks for HTTP/2 this way with its first request."""
    upgrade = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
    whole = POST + upgrade + framed + post("/y", b"more", LAST)
    application = Wired()
    async with wired(application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole[:cut])
        await asyncio.sleep(0.01)
        writer.write(whole[cut:])
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.count(b"HTTP/1.1 200 ") == 2
    assert b"/x hello" in told
    assert told.endswith(b"/y more")
    assert application.seen == ["POST /x", "POST /y"]


async def test_tunnels_are_not_dug() -> None:
    async with wired(Wired()) as port:
        request = b"CONNECT b:443 HTTP/1.1\r\nhost: b:443\r\nconnection: close\r\n\r\n"
        told = await answers(port, request)
    assert told[0][1].startswith(b"b:443 ")


_requests = [
    post("/one", b"a" * 100),
    b"GET /two HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n",
    POST.replace(b"/x", b"/three") + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    post("/four", b"b" * 3, LAST),
]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, sum(map(len, _requests))), max_size=6))
def test_answers_come_in_order_however_the_bytes_are_cut(cuts: list[int]) -> None:
    whole = b"".join(_requests)
    edges = [0, *sorted(cuts), len(whole)]

    async def ask() -> bytes:
        async with wired(Wired()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for start, end in itertools.pairwise(edges):
                writer.write(whole[start:end])
                await asyncio.sleep(0.001)
            told = await asyncio.wait_for(reader.read(), 3)
            writer.close()
            return told

    bodies = [part.partition(b"\r\n\r\n")[2] for part in asyncio.run(ask()).split(b"HTTP/1.1 200")]
    assert bodies[1:] == [b"/one " + b"a" * 100, b"/two ", b"/three abc", b"/four bbb"]
