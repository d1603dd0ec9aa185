import asyncio
import json
from collections.abc import Sequence

import pytest

from passerelle.adapters.loadtest.open_loop import CannotMeasure, LoadPlan, LoadRun, run_load
from passerelle.domain.readiness.loads import figures_of, shortfalls
from passerelle.transport.egress.connections import Connections
from tests.adapters.canned import CHECKED, KEY, CannedServer, running
from tests.adapters.upstream import Seen, Step, Upstream, upstream

RELEASE = "a" * 64


def answer(status: int = 200, release: str = RELEASE) -> bytes:
    body = json.dumps({"passerelle": {"release": release}}).encode()
    head = f"HTTP/1.1 {status} Status\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def measured(up: Upstream, *, rps: float = 200, seconds: float = 0.25) -> LoadRun:
    plan = LoadPlan(up.url, "fees", ("What is the fee?", "How long?"), rps, seconds, "sk-key")
    connections = Connections()
    try:
        return await run_load(plan, connections)
    finally:
        await connections.close()


async def test_every_request_is_sent_once_whatever_the_rate_of_answers() -> None:
    async with upstream(lambda _: [answer()]) as up:
        run = await measured(up)
    assert run.seen.offered == 50
    assert len(run.seen.latencies_ms) == 50
    assert run.statuses == {200: 50}
    assert len(up.seen) == 52  # one before and one after tell the release
    assert run.release == RELEASE


async def test_the_key_and_the_questions_in_turn_are_sent() -> None:
    async with upstream(lambda _: [answer()]) as up:
        await measured(up)
    assert all("authorization: Bearer sk-key" in seen.head for seen in up.seen)
    assert all("x-passerelle-purpose: load" in seen.head for seen in up.seen)
    asked = {seen.json["messages"][0]["content"] for seen in up.seen}
    assert asked == {"What is the fee?", "How long?"}


async def test_our_own_gateway_is_measured_and_knows_what_it_is_asked_for() -> None:
    server = CannedServer()
    async with running(server) as gateway:
        plan = LoadPlan(gateway.url, "handbook", ("What?",), 100, 0.2, KEY)
        connections = Connections()
        run = await run_load(plan, connections)
        await connections.close()
    assert run.statuses == {200: 20}
    assert run.release == CHECKED.served.release
    assert {arrival.purpose for arrival in server.arrivals} == {"load"}


async def test_a_pause_is_charged_to_every_request_that_was_due_in_it() -> None:
    """A closed loop would report one slow answer: the others would be asked after the pause."""
    loop = asyncio.get_running_loop()
    pause: list[float] = []

    def script(_: Seen) -> Sequence[Step]:
        if len(up.seen) == 10:
            pause.append(loop.time() + 0.4)
        left = pause[0] - loop.time() if pause else 0.0
        return [left, answer()] if left > 0 else [answer()]

    async with upstream(script) as up:
        run = await measured(up, rps=100, seconds=0.6)
    assert len(run.seen.latencies_ms) == 60
    assert sum(latency > 200 for latency in run.seen.latencies_ms) >= 15
    assert max(run.seen.latencies_ms) >= 350


async def test_errors_and_lost_connections_are_failures() -> None:
    def script(_: Seen) -> Sequence[Step]:
        number = len(up.seen)
        if number in (1, 52):
            return [answer()]
        if number % 5 == 0:
            return ["close"]
        return [answer(429)] if number % 5 == 1 else [answer()]

    async with upstream(script) as up:
        run = await measured(up)
    figures = figures_of(run.seen)
    assert figures.offered == 50
    assert figures.failures == run.statuses.get(429, 0) + run.statuses.get(0, 0)
    assert figures.failures >= 10
    assert any("fail" in fault for fault in shortfalls(figures))


async def test_a_release_that_changes_under_load_is_no_evidence() -> None:
    def script(_: Seen) -> Sequence[Step]:
        return [answer(release=RELEASE if len(up.seen) < 20 else "b" * 64)]

    async with upstream(script) as up:
        with pytest.raises(CannotMeasure, match="release changed"):
            await measured(up)


async def test_nothing_is_offered_when_the_first_request_is_refused() -> None:
    async with upstream(lambda _: [answer(401)]) as up:
        with pytest.raises(CannotMeasure, match="401"):
            await measured(up)
    assert len(up.seen) == 1


async def test_a_server_that_is_no_gateway_of_ours_is_no_evidence() -> None:
    plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    async with upstream(lambda _: [plain]) as up:
        with pytest.raises(CannotMeasure, match="does not answer like"):
            await measured(up)


async def test_a_port_where_nobody_listens_is_told() -> None:
    plan = LoadPlan("http://127.0.0.1:1", "fees", ("What?",), 10, 1)
    with pytest.raises(CannotMeasure, match=r"127\.0\.0\.1:1"):
        await run_load(plan, Connections())


def test_a_key_is_not_shown_with_the_plan() -> None:
    assert "secret" not in repr(LoadPlan("http://h", "m", ("q",), 1, 1, "secret"))
