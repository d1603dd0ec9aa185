"""What a connection goes through: waiting, holding back, leaving, and coming to its end."""

import asyncio

import pytest

from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.listeners import Listening
from tests.adapters.canned import until
from tests.adapters.wired import OCTETS, TEXT, Wired, answers, post, wired

IMPATIENT = Listening(
    header_seconds=0.4, linger_seconds=0.5, stalled_seconds=0.5, keep_alive_seconds=0.4
)
LAST = "connection: close"


async def greet(request: Request) -> None:
    """Answers without a look at the body."""
    await request.reply(200, b"hello", TEXT)


async def trickle(request: Request) -> None:
    """Three pieces, of which the first stands for what the head would take alone."""
    await request.start(200, TEXT)
    for piece in (b"one", b"two"):
        await request.write(piece)
        await asyncio.sleep(0.01)
    await request.write(b"six", more=False)


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, limit=1_000_000)


async def test_client_that_waits_for_leave_to_send_is_given_it() -> None:
    async with wired(Wired()) as port:
        reader, writer = await opened(port)
        head = post("/x", b"hello", "expect: 100-continue")[: -len(b"hello")]
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        told = await reader.readuntil(b"/x hello")
        assert b"connection: close" not in told
        writer.write(post("/y", b"", LAST))
        assert (await reader.read()).endswith(b"/y ")
        writer.close()


async def test_client_that_waits_in_vain_is_answered_and_its_connection_ended() -> None:
    """Nobody could tell whether its next bytes are the body or a request."""
    async with wired(Wired(handlers={"/x": greet})) as port:
        reader, writer = await opened(port)
        writer.write(b"POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n")
        writer.write(b"content-length: 5\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close\r\n" in answer


async def test_whole_answer_leaves_in_one_piece() -> None:
    async with wired(Wired()) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"hello"))
        assert (await reader.read(65_536)).endswith(b"\r\n\r\n/x hello")
        writer.close()


async def test_streamed_answers_are_chunked_and_their_head_comes_with_the_first_piece() -> None:
    async with wired(Wired(handlers={"/x": trickle})) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b""))
        first = await reader.read(65_536)
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
    assert b"transfer-encoding: chunked\r\n" in first
    assert first.endswith(b"3\r\none\r\n")
    assert rest == b"3\r\ntwo\r\n3\r\nsix\r\n0\r\n\r\n"


async def test_old_clients_get_streams_without_chunks_to_the_end_of_the_connection() -> None:
    async with wired(Wired(handlers={"/x": trickle})) as port:
        reader, writer = await opened(port)
        writer.write(b"GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert b"chunked" not in told
    assert b"connection: close\r\n" in told
    assert told.endswith(b"\r\n\r\nonetwosix")


@pytest.mark.parametrize("path", ["/echo", "/stream"])
async def test_head_requests_get_the_head_alone(path: str) -> None:
    async with wired(Wired(handlers={"/stream": trickle})) as port:
        reader, writer = await opened(port)
        writer.write(f"HEAD {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.endswith(b"\r\n\r\n")


async def test_broken_request_behind_a_good_one_is_told_after_the_good_answer() -> None:
    async with wired(Wired(handlers={"/slow": trickle})) as port:
        reader, writer = await opened(port)
        writer.write(post("/slow", b"") + b"NONSENSE\r\n\r\n")
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.index(b"0\r\n\r\n") < told.index(b"HTTP/1.1 400 ")
    assert told.endswith(b"}")


async def test_body_that_breaks_after_its_answer_gets_no_second_one() -> None:
    head = b"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    async with wired(Wired(handlers={"/x": greet})) as port:
        reader, writer = await opened(port)
        writer.write(head)
        await reader.readuntil(b"hello")
        writer.write(b"nonsense\r\n")
        assert await asyncio.wait_for(reader.read(), 3) == b""
        writer.close()


async def test_bytes_behind_the_last_request_are_passed_over() -> None:
    async with wired(Wired()) as port:
        told = await answers(port, post("/x", b"hello", LAST) + b"\r\nGET /y HTTP/1.1\r\n\r\n")
    assert told == [(200, b"/x hello")]


async def test_connection_without_a_request_is_closed_in_the_end() -> None:
    async with wired(Wired(), listening=IMPATIENT) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"hello"))
        await reader.readuntil(b"/x hello")
        assert await asyncio.wait_for(reader.read(), 3) == b""
        writer.close()


async def test_half_a_request_behind_an_answer_has_its_time_and_no_more() -> None:
    async with wired(Wired(), listening=IMPATIENT) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"hello") + b"GET /y HTTP/1.1\r\nho")
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.count(b"HTTP/1.1 200 ") == 1
    assert told.count(b"HTTP/1.1 408 ") == 1


@pytest.mark.parametrize(
    "endless",
    [b"x-trailer: " + b"a" * 100_000, b"x: y\r\n" * 20_000],
    ids=["one trailer", "many trailers"],
)
async def test_trailers_without_end_are_cut(endless: bytes) -> None:
    head = b"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    async with wired(Wired()) as port:
        reader, writer = await opened(port)
        writer.write(head + b"1\r\nx\r\n0\r\n")
        for start in range(0, len(endless), 20_000):
            writer.write(endless[start : start + 20_000])
            await asyncio.sleep(0.01)
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.startswith(b"HTTP/1.1 431 ")


async def test_large_body_before_half_a_head_does_not_count_as_head() -> None:
    async with wired(Wired()) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"a" * 200_000) + b"GET /y HTTP/1.1\r\n")
        await reader.readuntil(b"a" * 1_000)
        writer.write(b"host: a\r\nconnection: close\r\n\r\n")
        told = await asyncio.wait_for(reader.read(), 3)
        writer.close()
    assert told.endswith(b"/y ")


async def test_body_that_nobody_reads_is_held_back_and_then_dropped() -> None:
    goes_on = asyncio.Event()
    size = 50_000_000

    async def thoughtful(request: Request) -> None:
        await goes_on.wait()
        await request.reply(200, b"enough", TEXT)

    async with wired(Wired(handlers={"/x": thoughtful})) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"a" * size))
        await asyncio.sleep(0.2)
        held = writer.transport.get_write_buffer_size()
        goes_on.set()
        await reader.readuntil(b"enough")
        await asyncio.wait_for(writer.drain(), 5)
        writer.write(post("/y", b"", LAST))
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"/y ")
        writer.close()
    assert held > size - 20_000_000


async def test_body_read_in_pieces_comes_whole_and_no_faster_than_it_is_read() -> None:
    sizes: list[int] = []

    async def digest(request: Request) -> None:
        while piece := await request.piece(EdgeLimits(body_bytes=10_000_000)):
            sizes.append(len(piece))
            await asyncio.sleep(0.001)
        await request.reply(200, b"%d" % sum(sizes), TEXT)

    async with wired(Wired(handlers={"/x": digest})) as port:
        told = await answers(port, post("/x", b"a" * 3_000_000, LAST))
    assert told == [(200, b"3000000")]
    assert max(sizes) < 1_000_000


async def test_client_that_reads_slowly_slows_the_answer() -> None:
    written = 0

    async def pour(request: Request) -> None:
        nonlocal written
        await request.start(200, TEXT)
        for _ in range(400):
            await request.write(b"x" * 100_000)
            written += 100_000
        await request.write(b"", more=False)

    async with wired(Wired(handlers={"/x": pour})) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b"", LAST))
        await asyncio.sleep(0.2)
        held = written
        told = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert held < 20_000_000
    assert len(told) > 40_000_000


async def test_leaving_is_told_once_and_only_before_the_end() -> None:
    left: list[str] = []

    async def wait(request: Request) -> None:
        request.on_leave(lambda: left.append(request.path))
        await request.body(EdgeLimits(), OCTETS)
        if request.path == "/long":
            await asyncio.sleep(0.05)
        await request.reply(200, b"done", TEXT)

    application = Wired(handlers={"/long": wait, "/short": wait})
    async with wired(application) as port:
        assert await answers(port, post("/short", b"", LAST)) == [(200, b"done")]
        _, writer = await opened(port)
        writer.write(post("/long", b""))
        await until(lambda: len(application.seen) == 2)
        writer.transport.abort()
        await until(lambda: len(application.ended) == 2)
    assert left == ["/long"]
    assert application.ended == ["answered", "gone"]


@pytest.mark.parametrize("leaves", ["in the body", "in the answer"])
async def test_leaving_client_stops_what_asked_for_that(leaves: str) -> None:
    async def wait(request: Request) -> None:
        request.stop_when_left()
        await request.body(EdgeLimits(), OCTETS)
        await asyncio.sleep(30)

    application = Wired(handlers={"/x": wait})
    async with wired(application) as port:
        _, writer = await opened(port)
        whole = post("/x", b"hello")
        writer.write(whole[:-2] if leaves == "in the body" else whole)
        await until(lambda: application.seen)
        writer.transport.abort()
        await until(lambda: application.ended)
    assert application.ended == ["gone"]


async def test_drain_ends_idle_connections_and_says_so_on_the_others() -> None:
    application = Wired(handlers={"/slow": trickle})
    listening = wired(application)
    port = await listening.__aenter__()
    idle, idler = await opened(port)
    busy, worker = await opened(port)
    worker.write(post("/slow", b""))
    await until(lambda: application.seen)
    ending = asyncio.create_task(listening.__aexit__(None, None, None))
    assert await asyncio.wait_for(idle.read(), 3) == b""
    assert (await asyncio.wait_for(busy.read(), 3)).endswith(b"0\r\n\r\n")
    await ending
    idler.close()
    worker.close()
    assert application.ended == ["answered"]


async def test_answer_that_breaks_off_is_cut_not_ended() -> None:
    async def half(request: Request) -> None:
        await request.start(200, TEXT)
        await request.write(b"half")

    async with wired(Wired(handlers={"/x": half})) as port:
        reader, writer = await opened(port)
        writer.write(post("/x", b""))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 3)
        writer.close()
