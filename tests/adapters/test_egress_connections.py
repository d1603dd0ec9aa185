"""The pool of connections against upstreams that misbehave."""

import asyncio
from collections.abc import Sequence

import pytest

from passerelle.transport.egress.connections import Connections, Response
from passerelle.transport.egress.exchange import Deadlines, Limits
from passerelle.transport.egress.failures import (
    CannotConnect,
    ConnectionLost,
    EgressFailed,
    NotAllowed,
    NotHttp,
    Redirected,
    TimedOut,
    TooLarge,
)
from passerelle.transport.egress.targets import NotATarget, Origin, target
from tests.adapters.upstream import Script, Seen, Step, Upstream, answer, chunked, upstream

SOON = Deadlines(connect=1, first_byte=0.2, between_bytes=0.2, total=1)


def always(*steps: Step) -> Script:
    return lambda _: steps


async def ask(
    connections: Connections, where: Upstream, body: bytes = b"{}", deadlines: Deadlines = SOON
) -> Response:
    return await connections.request(
        target("POST", where.url + "/v1/x?y=1"), body, deadlines=deadlines
    )


async def outcome(script: Script, *, limits: Limits | None = None) -> Response | type[EgressFailed]:
    async with upstream(script) as there:
        connections = Connections(limits=limits)
        try:
            return await ask(connections, there)
        except EgressFailed as failure:
            return type(failure)
        finally:
            await connections.close()


async def test_request_arrives_whole_and_connections_are_reused() -> None:
    async with upstream(always(answer(b"fine"))) as there:
        connections = Connections()
        for number in range(5):
            response = await ask(connections, there, b"%d" % number)
            assert (response.status, response.body) == (200, b"fine")
        await connections.close()
    assert [seen.body for seen in there.seen] == [b"0", b"1", b"2", b"3", b"4"]
    assert there.connections == 1
    head = there.seen[0].head
    assert head.startswith("POST /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert "accept-encoding: identity" in head


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    def echo(seen: Seen) -> Sequence[Step]:
        return (0.02, answer(seen.body))

    async with upstream(echo) as there:
        connections = Connections()
        answers = await asyncio.gather(*(ask(connections, there, b"%d" % n) for n in range(40)))
        await connections.close()
    assert [each.body for each in answers] == [b"%d" % n for n in range(40)]


async def test_waiting_requests_take_their_turn_when_the_limit_is_reached() -> None:
    def echo(seen: Seen) -> Sequence[Step]:
        return (0.01, answer(seen.body))

    async with upstream(echo) as there:
        connections = Connections(limits=Limits(connections=2))
        answers = await asyncio.gather(*(ask(connections, there, b"%d" % n) for n in range(12)))
        await connections.close()
    assert [each.body for each in answers] == [b"%d" % n for n in range(12)]
    assert there.connections == 2


async def test_request_without_a_free_connection_gives_up_at_its_deadline() -> None:
    async with upstream(always(5.0)) as there:
        connections = Connections(limits=Limits(connections=1))
        deadlines = Deadlines(connect=0.1, first_byte=5, total=5)
        first = asyncio.create_task(ask(connections, there, deadlines=deadlines))
        await asyncio.sleep(0.02)
        with pytest.raises(TimedOut):
            await ask(connections, there, deadlines=deadlines)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await connections.close()


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_stale_connection_is_replaced_without_a_word(ending: Step) -> None:
    """Closed by the server after we took it: the request never counted."""

    def once(seen: Seen) -> Sequence[Step]:
        if seen.connection == 1 and seen.body == b"second":
            return (ending,)
        return (answer(seen.body),)

    async with upstream(once) as there:
        connections = Connections()
        await ask(connections, there, b"first")
        second = await ask(connections, there, b"second")
        await connections.close()
    assert second.body == b"second"
    assert there.connections == 2


async def test_connection_that_closed_while_idle_is_not_taken() -> None:
    async with upstream(always(answer(b"fine"), "close")) as there:
        connections = Connections()
        for _ in range(3):
            assert (await ask(connections, there)).body == b"fine"
            await asyncio.sleep(0.01)
        await connections.close()
    assert len(there.seen) == 3


async def test_request_on_a_fresh_connection_is_never_sent_twice() -> None:
    async with upstream(always("close")) as there:
        connections = Connections()
        with pytest.raises(ConnectionLost):
            await ask(connections, there)
        await connections.close()
    assert len(there.seen) == 1


async def test_request_is_not_sent_again_once_a_byte_of_an_answer_came() -> None:
    def half(seen: Seen) -> Sequence[Step]:
        return (answer(b"ok"),) if seen.body == b"first" else (b"HTTP/1.1 2", "close")

    async with upstream(half) as there:
        connections = Connections()
        await ask(connections, there, b"first")
        with pytest.raises(ConnectionLost):
            await ask(connections, there, b"second")
        await connections.close()
    assert len(there.seen) == 2


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (always("close"), ConnectionLost),
        (always("reset"), ConnectionLost),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "close"), ConnectionLost),
        (always(*chunked(b"half")[:-1], "close"), ConnectionLost),
        (always(b"SSH-2.0-OpenSSH_9\r\n", "close"), NotHttp),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), NotHttp),
        (always(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), NotHttp),
        (always(answer(b"zip", headers="content-encoding: gzip")), NotHttp),
        (always(answer(b"", status="302 Found", headers="location: http://x/")), Redirected),
        (always(answer(b"", status="307 Again", headers="location: http://x/")), Redirected),
        (always(2.0), TimedOut),
        (always(b"HTTP/1.1 200 OK\r\n", 2.0), TimedOut),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", 2.0), TimedOut),
        (always(answer(b"x" * 2_000)), TooLarge),
        (always(*chunked(b"x" * 900, b"x" * 900)), TooLarge),
        (always(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 1_000), TooLarge),
        (always(b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * 5_000, 0.1), TooLarge),
    ],
)
async def test_failures_are_told_by_their_kind(script: Script, failure: type) -> None:
    limits = Limits(header_bytes=2_000, body_bytes=1_000)
    assert await outcome(script, limits=limits) is failure


async def test_trickle_that_never_ends_meets_the_total_deadline() -> None:
    drops: list[Step] = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"]
    for _ in range(100):
        drops += [b"x", 0.05]
    started = asyncio.get_running_loop().time()
    assert await outcome(lambda _: drops) is TimedOut
    assert 0.9 < asyncio.get_running_loop().time() - started < 2.5


@pytest.mark.parametrize(
    ("steps", "body"),
    [
        ((b"HTTP/1.1 200 OK\r\n\r\nto the end", "close"), b"to the end"),
        ((b"HTTP/1.0 200 OK\r\n\r\nold", "close"), b"old"),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), b""),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"after"),), b"after"),
        ((b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", 0.02, answer(b"hint")), b"hint"),
        (tuple(chunked(b"a", b"b" * 300, b"c")), b"a" + b"b" * 300 + b"c"),
        (tuple(bytes((byte,)) for byte in answer(b"one by one")), b"one by one"),
    ],
)
async def test_every_framing_of_http_is_read(steps: Sequence[Step], body: bytes) -> None:
    got = await outcome(lambda _: steps)
    assert isinstance(got, Response)
    assert got.body == body


async def test_second_answer_to_one_request_poisons_the_connection() -> None:
    def twice(seen: Seen) -> Sequence[Step]:
        return (answer(seen.body), 0.02, answer(b"stray"), 0.02)

    async with upstream(twice) as there:
        connections = Connections()
        for body in (b"a", b"b", b"c"):
            assert (await ask(connections, there, body)).body == body
            await asyncio.sleep(0.05)
        await connections.close()
    assert there.connections == 3


async def test_nothing_listening_and_unknown_names_cannot_be_connected() -> None:
    connections = Connections()
    async with upstream(always()) as there:
        pass
    with pytest.raises(CannotConnect):
        await ask(connections, there)
    with pytest.raises(CannotConnect):
        await connections.request(target("POST", "http://nowhere.invalid/"), b"", deadlines=SOON)


async def test_origin_outside_the_allow_list_is_never_dialled() -> None:
    async with upstream(always(answer(b""))) as there:
        connections = Connections(allow=lambda origin: origin.host == "api.example.com")
        with pytest.raises(NotAllowed):
            await ask(connections, there)
    assert there.connections == 0


async def test_cancelled_request_closes_its_connection_and_the_pool_goes_on() -> None:
    def slow_first(seen: Seen) -> Sequence[Step]:
        return (5.0,) if seen.body == b"slow" else (answer(b"fine"),)

    async with upstream(slow_first) as there:
        connections = Connections(limits=Limits(connections=1))
        deadlines = Deadlines(first_byte=5, total=5)
        slow = asyncio.create_task(ask(connections, there, b"slow", deadlines))
        await asyncio.sleep(0.05)
        slow.cancel()
        assert (await ask(connections, there)).body == b"fine"
        await asyncio.sleep(0.02)
        await connections.close()
    assert there.cut_short == 1


async def test_stream_comes_while_it_is_written_and_its_connection_is_reused() -> None:
    script = always(*(step for part in chunked(b"one", b"two", b"six") for step in (part, 0.01)))
    async with upstream(script) as there:
        connections = Connections()
        for _ in range(2):
            stream = await connections.stream(target("POST", there.url), b"", deadlines=SOON)
            parts = [part async for part in stream]
            stream.close()
            assert parts == [b"one", b"two", b"six"]
            await asyncio.sleep(0.02)
        await connections.close()
    assert there.connections == 1


async def test_stream_that_is_closed_early_is_cancelled_at_the_upstream() -> None:
    head, *rest = chunked(b"one", b"two")
    async with upstream(always(head, rest[0], 5.0)) as there:
        connections = Connections()
        stream = await connections.stream(target("POST", there.url), b"", deadlines=SOON)
        assert await anext(aiter(stream)) == b"one"
        stream.close()
        stream.close()
        await asyncio.sleep(0.05)
        await connections.close()
    assert there.cut_short == 1


async def test_reader_that_is_slow_holds_the_upstream_back() -> None:
    sent = 0

    def endless(_: Seen) -> Sequence[Step]:
        return _Endless()

    class _Endless(Sequence[Step]):
        def __len__(self) -> int:
            return 2_000

        def __getitem__(self, index: int) -> Step:  # type: ignore[override]
            nonlocal sent
            if index >= len(self):
                raise IndexError
            sent += 1
            return chunked()[0] if index == 0 else b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    async with upstream(endless) as there:
        connections = Connections(limits=Limits(body_bytes=1_000_000_000))
        deadlines = Deadlines(first_byte=1, between_bytes=1, total=5)
        stream = await connections.stream(target("POST", there.url), b"", deadlines=deadlines)
        await asyncio.sleep(0.3)
        held = sent
        await asyncio.sleep(0.2)
        assert sent == held
        read = 0
        async for part in stream:
            read += len(part)
            if read > 50_000_000:
                break
        assert sent > held
        stream.close()
        await connections.close()
    assert held < 200


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "http:///x",
        "/v1",
        "http://user:word@host/",
        "http://h/a b",
        "http://h/\r\nx: y",
        "http://h/ü",
    ],
)
def test_addresses_that_must_not_be_dialled_are_refused(url: str) -> None:
    with pytest.raises(NotATarget):
        target("POST", url)


@pytest.mark.parametrize(
    ("name", "value"), [("x", "a\r\nb: c"), ("x\r\n", "a"), ("x y", "a"), ("x", "a\0")]
)
def test_headers_that_would_smuggle_lines_are_refused(name: str, value: str) -> None:
    with pytest.raises(NotATarget):
        target("POST", "http://h/", ((name, value),))


def test_origin_knows_the_port_of_its_scheme() -> None:
    assert target("POST", "https://api.example.com/v1").origin == Origin(
        "https", "api.example.com", 443
    )
    assert b"host: api.example.com\r\n" in target("POST", "https://api.example.com:443/").head
    assert b"host: [::1]:80" not in target("POST", "http://[::1]/").head
