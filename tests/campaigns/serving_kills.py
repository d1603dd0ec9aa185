"""Kills the gateway under load: is every exchange in the ledger that a client got answered?

python -m tests.campaigns.serving_kills --count 20
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.gateways import (
    Gateway,
    canned,
    ended_exchanges,
    start,
    verified,
    write_config,
)
from tests.journeys.sockets import chat_body, request_head, streamed_text

CLIENTS = 16
LONGEST_SECONDS = 1.5
TEXT = "The bridge opens at 7 in the morning. It closes at 22 in the evening."
SETTINGS = canned(TEXT, "chunk_characters = 8", "between_chunks_seconds = 0.001")
QUESTION = "When does the bridge open?"

Progress = Callable[[int], None]


@dataclass
class Answered:
    """What the clients of one gateway had received when it died."""

    whole: set[str] = field(default_factory=set)
    """Exchange ids of answers that came to their end."""
    begun: set[str] = field(default_factory=set)
    """Exchange ids of streams that had shown a part of the answer, and no end."""


@dataclass
class Tally:
    """What the campaign saw."""

    kills: int = 0
    answered: int = 0
    lost: int = 0
    """Answered, and not in the ledger after the restart."""
    unproved: int = 0
    """Ledgers that did not verify after a kill."""
    twice: int = 0
    """Exchanges with more than one entry."""
    begun: int = 0
    """Streams that a kill cut before their end; their clients know that the answer is torn."""
    faults: list[str] = field(default_factory=list)


def run(count: int, *, seed: int, folder: Path, progress: Progress = lambda _done: None) -> Tally:
    """Kills `count` times, always on the same state, and serves once more in the end."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    config = write_config(folder / "config", settings=SETTINGS, provider="canned")
    tally = Tally()
    answered = Answered()
    for done in range(count + 1):
        gateway = start(config, folder / "data")
        if done:
            check(gateway, answered, tally)
            progress(done)
        if done < count:
            more = asyncio.run(load_and_kill(gateway, chance.uniform(0, LONGEST_SECONDS)))
            answered.whole |= more.whole
            answered.begun |= more.begun
            tally.kills += 1
        else:
            gateway.stop()
    tally.answered, tally.begun = len(answered.whole), len(answered.begun)
    return tally


def check(gateway: Gateway, answered: Answered, tally: Tally) -> None:
    """After a restart: everything ever answered is there, once, and all of it proves."""
    entries = [entry for entry in ended_exchanges(gateway) if entry["facts"]["status"] == 200]
    kept = {entry["subject"] for entry in entries}
    lost = answered.whole - kept
    tally.lost += len(lost)
    tally.twice += len(entries) - len(kept)
    tally.faults += [
        f"kill {tally.kills}: {exchange} was answered and is lost" for exchange in lost
    ]
    found = verified(gateway.config, gateway.data)
    if not found["ok"] or found["status"]:
        tally.unproved += 1
        tally.faults.append(f"kill {tally.kills}: {found['faults']}")


async def load_and_kill(gateway: Gateway, after_seconds: float) -> Answered:
    """Every client asks again and again until the process dies under it."""
    answered = Answered()
    began = asyncio.Event()
    clients = [
        asyncio.create_task(_ask_for_ever(gateway, answered, began, stream=bool(number % 2)))
        for number in range(CLIENTS)
    ]
    await began.wait()
    await asyncio.sleep(after_seconds)
    gateway.kill()
    outcomes = await asyncio.gather(*clients, return_exceptions=True)
    unexpected = [each for each in outcomes if not isinstance(each, OSError | EOFError)]
    if unexpected:
        raise AssertionError(unexpected)
    return answered


async def _ask_for_ever(
    gateway: Gateway, answered: Answered, began: asyncio.Event, *, stream: bool
) -> None:
    body = chat_body(QUESTION, model="bridge", stream=stream)
    request = request_head(gateway, "load", len(body)) + body
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    try:
        while True:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert head.startswith("http/1.1 200 "), head
            exchange = _header(head, "x-passerelle-exchange")
            if stream:
                await _read_stream(reader, exchange, answered)
            else:
                whole = await reader.readexactly(int(_header(head, "content-length")))
                assert json.loads(whole)["id"] == exchange
                answered.whole.add(exchange)
            began.set()
    finally:
        writer.transport.abort()


async def _read_stream(reader: asyncio.StreamReader, exchange: str, answered: Answered) -> None:
    received = b""
    try:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            received += await reader.readexactly(size + 2)
        await reader.readexactly(2)
    finally:
        # Only the last event says what became of the answer; before it, it is torn.
        if b"data: [DONE]" in received:
            answered.whole.add(exchange)
        elif streamed_text(received):
            answered.begun.add(exchange)


def _header(head: str, name: str) -> str:
    return head.partition(f"\r\n{name}: ")[2].partition("\r\n")[0]


def main() -> int:
    """Prints the counts; 1 when an answered exchange is lost or a ledger does not verify."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.count, seed=chosen.seed, folder=Path(folder))
    print(tally)  # noqa: T201
    return 1 if tally.faults or tally.twice else 0


if __name__ == "__main__":
    sys.exit(main())
