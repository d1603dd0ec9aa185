"""Several workers behind one address are one gateway."""

import http.client
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journeys.gateways import (
    Gateway,
    canned,
    ended_exchanges,
    launch,
    request_ids,
    verified,
    write_config,
)
from tests.journeys.sockets import chat_body, connect, read_to_end, request_head, streamed_text

pytestmark = pytest.mark.slow

WORKERS = 2
SOON_SECONDS = 20.0
QUESTION = "When does the bridge open?"


@pytest.fixture
def start_workers(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def begin(*, budget: str = "", settings: str = "", provider: str = "extractive") -> Gateway:
        config = write_config(tmp_path / "config", settings=settings, provider=provider)
        with (config / "usecases" / "bridge" / "usecase.toml").open("a") as file:
            file.write(budget)
        data = tmp_path / "data"
        started.append(launch(config, data, "--port", "0", "--workers", str(WORKERS)))
        started[-1].wait_until_ready()
        return started[-1]

    yield begin
    for gateway in started:
        gateway.stop()


def workers(gateway: Gateway) -> dict[int, int]:
    """Number → process of the workers that have told of themselves."""
    names = [each.stem for each in gateway.data.glob("workers/run-*/?-*.json")]
    pairs = (name.split("-") for name in names if "." not in name)
    return {int(number): int(process) for number, process in pairs}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def asked(gateway: Gateway, count: int) -> list[int]:
    """Statuses of so many questions, each on a connection of its own; 0 where it was cut."""

    def ask(_: int) -> int:
        try:
            return gateway.chat(QUESTION, model="bridge").status
        except (OSError, http.client.HTTPException):
            return 0

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(count)))


def counted(gateway: Gateway) -> float:
    """Exchanges, as the worker says that happens to answer."""
    lines = gateway.ask("GET", "/metrics").body.decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("passerelle_exchanges_total{")
    )


def test_budget_and_metrics_hold_for_all_workers_together(
    start_workers: Callable[..., Gateway],
) -> None:
    gateway = start_workers(budget="per_day_requests = 30\n")
    assert Counter(asked(gateway, 50)) == {200: 30, 429: 20}
    wait_until(lambda: counted(gateway) == 50)
    wait_until(lambda: {counted(gateway) for _ in range(8)} == {50})
    minutes = [gateway.ask("GET", "/api/v1/traffic").json() for _ in range(8)]
    for answer in minutes:
        assert sum(each["exchanges"] for each in answer) == 50


def test_rate_holds_for_all_workers_together(start_workers: Callable[..., Gateway]) -> None:
    gateway = start_workers(budget="requests_per_minute = 20\n")
    statuses = Counter(asked(gateway, 40))
    assert statuses.keys() == {200, 429}
    assert 20 <= statuses[200] <= 24


def test_worker_killed_under_load_is_started_again_and_the_ledger_is_whole(
    start_workers: Callable[..., Gateway],
) -> None:
    gateway = start_workers()
    wait_until(lambda: len(workers(gateway)) == WORKERS)
    before = workers(gateway)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(asked, gateway, 300)
        time.sleep(0.3)
        os.kill(before[1], signal.SIGKILL)
        statuses = Counter(load.result())
    assert statuses.keys() <= {0, 200}
    assert statuses[200] > 200
    wait_until(lambda: workers(gateway).keys() == {1, 2} and workers(gateway)[1] != before[1])
    assert set(asked(gateway, 20)) == {200}
    entries = ended_exchanges(gateway)
    assert len(set(request_ids(entries))) == len(entries)
    assert len(entries) >= statuses[200] + 20
    assert verified(gateway.config, gateway.data)["status"] == 0


def test_revoked_key_is_refused_by_every_worker_within_a_second(
    start_workers: Callable[..., Gateway], tmp_path: Path
) -> None:
    gateway, file = start_workers(), tmp_path / "own.key"
    made = gateway.run("keys", "create", "--label", "x", "--role", "developer", "--file", file)
    assert made.returncode == 0, made.stderr
    key = file.read_text().strip()
    wait_until(lambda: all(gateway.ask("GET", "/v1/models", key=key).status == 200 for _ in "1234"))
    public_id = key.split("-")[2]
    revoked = gateway.run("keys", "revoke", public_id)
    assert revoked.returncode == 0, revoked.stderr
    time.sleep(1.0)
    assert {gateway.ask("GET", "/v1/models", key=key).status for _ in range(16)} == {401}


def test_answer_in_progress_is_finished_when_all_are_told_to_stop(
    start_workers: Callable[..., Gateway],
) -> None:
    settings = canned(
        "The bridge opens at 7.", "chunk_characters = 4", "between_chunks_seconds = 0.1"
    )
    gateway = start_workers(settings=settings, provider="canned")
    body = chat_body(QUESTION, model="bridge", stream=True)
    with connect(gateway) as connection:
        connection.sendall(request_head(gateway, "in-progress", len(body)) + body)
        received = b""
        while not streamed_text(received):
            received += connection.recv(65_536)
        gateway.process.send_signal(signal.SIGTERM)
        received += read_to_end(connection)
    assert streamed_text(received) == "The bridge opens at 7."
    gateway.stop()
    assert not list(gateway.data.glob("workers/run-*"))


def test_workers_end_when_nobody_looks_after_them(start_workers: Callable[..., Gateway]) -> None:
    gateway = start_workers()
    wait_until(lambda: len(workers(gateway)) == WORKERS)
    orphans = workers(gateway).values()
    gateway.kill()
    wait_until(lambda: not any(runs(each) for each in orphans))


def test_second_gateway_with_workers_on_the_same_data_is_refused(
    start_workers: Callable[..., Gateway],
) -> None:
    gateway = start_workers()
    second = gateway.run("up", "--port", "0", "--workers", "2")
    assert second.returncode == 2
    assert "Another gateway with several workers runs" in second.stderr


def test_taken_port_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    config, data = write_config(tmp_path / "config"), tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        gateway = launch(config, data, "--port", port, "--workers", "2")
        assert gateway.process.wait(60) == 2
    assert "Choose another --port" in gateway.complaints
    assert not list(data.glob("workers/run-*"))
