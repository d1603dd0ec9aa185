"""What becomes of answers in progress when the process is asked to stop."""

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.journeys.conftest import StartGateway
from tests.journeys.gateways import Gateway, canned, passerelle, verified, write_config
from tests.journeys.sockets import chat_body, connect, read_to_end, request_head, streamed_text

pytestmark = pytest.mark.slow

TEXT = "The bridge opens at 7 in the morning."
CHUNKS = "chunk_characters = 4"


def begun_stream(gateway: Gateway) -> tuple[socket.socket, bytes]:
    """A connection on which a part of an answer has come."""
    body = chat_body("When does the bridge open?", model="bridge", stream=True)
    connection = connect(gateway)
    connection.sendall(request_head(gateway, "in-progress", len(body)) + body)
    received = b""
    while not streamed_text(received):
        received += connection.recv(65_536)
    return connection, received


def recorded_status(gateway: Gateway) -> list[int]:
    shown = passerelle(
        "ledger", "show", "--event", "exchange.ended", "--json",
        "--config", gateway.config, "--data", gateway.data,
    )  # fmt: skip
    return [entry["facts"]["status"] for entry in json.loads(shown.stdout)]


def test_answer_in_progress_is_finished_before_the_process_ends(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    settings = canned(TEXT, CHUNKS, "between_chunks_seconds = 0.1")
    config = write_config(tmp_path / "config", settings=settings, provider="canned")
    running = start_gateway(config)
    connection, received = begun_stream(running)
    with connection:
        running.process.send_signal(signal.SIGTERM)
        received += read_to_end(connection)
    assert streamed_text(received) == TEXT
    assert b"data: [DONE]" in received
    assert running.process.wait(20) == 0
    running.stopped = True
    assert recorded_status(running) == [200]


def test_answer_that_outlasts_the_time_for_draining_is_cut_told_and_recorded(
    tmp_path: Path, start_gateway: StartGateway
) -> None:
    settings = canned(TEXT, CHUNKS, "between_chunks_seconds = 5", "[limits]", "drain_seconds = 0.2")
    config = write_config(tmp_path / "config", settings=settings, provider="canned")
    running = start_gateway(config)
    connection, received = begun_stream(running)
    with connection:
        running.process.send_signal(signal.SIGTERM)
        received += read_to_end(connection)
    assert streamed_text(received) != TEXT
    assert b'"code":"shutting_down"' in received
    assert b"data: [DONE]" not in received
    assert running.process.wait(20) == 0
    running.stopped = True
    assert recorded_status(running) == [499]
    assert verified(config, running.data)["ok"]
