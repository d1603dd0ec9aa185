"""Clients that leave at random bytes of a request, an answer or a stream: are the books exact?

python -m tests.campaigns.disconnects --count 1000
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tests.journeys.gateways import (
    Gateway,
    canned,
    ended_exchanges,
    start,
    verified,
    write_config,
)
from tests.journeys.sockets import chat_body, request_head

AT_ONCE = 8
SETTLED_SECONDS = 20.0
TEXT = "The bridge opens at 7 in the morning. It closes at 22 in the evening. " * 3
SETTINGS = canned(TEXT, "chunk_characters = 7", "between_chunks_seconds = 0.001")
QUESTION = "When does the bridge open?"
ANSWERED, CUT_OFF = 200, 499
STREAMS, LEFT_IN_REQUEST, LEFT_AT_ONCE, RESETS = 0.6, 0.3, 0.05, 0.5
"""Shares of the clients."""
HEAD = 1_000
"""More than the headers of an answer, so that some clients read all of it."""

Progress = Callable[[int], None]


class Fate(Enum):
    """How many entries a request must leave, by what its client has seen of it."""

    NONE = "its request was never whole"
    ONE = "a part of its answer had come"
    ONE_ANSWERED = "all of its answer had come"
    PERHAPS = "its request was whole, and the client left before it could see anything"


@dataclass(frozen=True)
class Plan:
    """One client: how much it sends and reads, and how it leaves."""

    own: str
    stream: bool
    sends: int | None
    """Bytes of the request; None for all of it."""
    reads: int
    resets: bool


@dataclass
class Tally:
    """What the campaign saw."""

    disconnects: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    cut_off: int = 0
    """Entries of streams that say that their client left."""
    faults: list[str] = field(default_factory=list)


def run(count: int, *, seed: int, folder: Path, progress: Progress = lambda _done: None) -> Tally:
    """`count` clients leave one gateway, some at a time; then its books are compared."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    config = write_config(folder / "config", settings=SETTINGS, provider="canned")
    gateway = start(config, folder / "data")
    try:
        lengths = {stream: len(whole_answer(gateway, stream=stream)) for stream in (False, True)}
        plans = [plan_of(gateway, chance, number, lengths) for number in range(count)]
        fates = asyncio.run(leave_all(gateway, plans, progress))
        fates |= {"whole-False": Fate.ONE_ANSWERED, "whole-True": Fate.ONE_ANSWERED}
        entries = settled(gateway, fates)
        faults = reconcile(fates, entries) + _other_books(gateway, entries)
    finally:
        gateway.stop()
    tally = Tally(disconnects=count, entries=len(entries), faults=faults)
    for fate in fates.values():
        tally.fates[fate.name] = tally.fates.get(fate.name, 0) + 1
    tally.cut_off = sum(entry["facts"]["status"] == CUT_OFF for entry in entries)
    return tally


def reconcile(fates: Mapping[str, Fate], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Everything in which the ledger differs from what was sent."""
    found: dict[str, list[int]] = {}
    for entry in entries:
        found.setdefault(entry["facts"]["request_id"], []).append(entry["facts"]["status"])
    faults = [f"{own}: an entry for what was never sent" for own in found.keys() - fates.keys()]
    for own, fate in fates.items():
        statuses = found.get(own, [])
        wanted = {Fate.NONE: (0,), Fate.PERHAPS: (0, 1)}.get(fate, (1,))
        allowed = {ANSWERED} if fate is Fate.ONE_ANSWERED else {ANSWERED, CUT_OFF}
        if len(statuses) not in wanted or not allowed.issuperset(statuses):
            faults.append(f"{own}: entries with {statuses} although {fate.value}")
    return faults


def _other_books(gateway: Gateway, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The metrics count the same exchanges, and the ledger proves them."""
    lines = gateway.ask("GET", "/metrics").body.decode().splitlines()
    counted = sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("passerelle_exchanges_total{")
    )
    faults = []
    if counted != len(entries):
        faults.append(f"the metrics count {counted:g} exchanges, the ledger has {len(entries)}")
    found = verified(gateway.config, gateway.data)
    if not found["ok"]:
        faults.append(f"the ledger does not verify: {found['faults']}")
    return faults


def settled(gateway: Gateway, fates: Mapping[str, Fate]) -> list[dict[str, Any]]:
    """The entries once every certain one is there and no more come."""
    certain = {own for own, fate in fates.items() if fate in (Fate.ONE, Fate.ONE_ANSWERED)}
    deadline = time.monotonic() + SETTLED_SECONDS
    before: list[dict[str, Any]] = []
    while True:
        entries = ended_exchanges(gateway)
        known = {entry["facts"]["request_id"] for entry in entries}
        if time.monotonic() > deadline or (certain <= known and len(entries) == len(before)):
            return entries
        before = entries


def whole_answer(gateway: Gateway, *, stream: bool) -> bytes:
    """Of a client that stays to its end."""
    body = chat_body(QUESTION, model="bridge", stream=stream)
    answer = gateway.ask(
        "POST", "/v1/chat/completions", body, headers={"x-request-id": f"whole-{stream}"}
    )
    assert answer.status == ANSWERED
    return answer.body


def plan_of(
    gateway: Gateway, chance: random.Random, number: int, lengths: Mapping[bool, int]
) -> Plan:
    """`lengths` are those of a whole answer and a whole stream."""
    own, stream = f"left-{number:06}", chance.random() < STREAMS
    sends, reads = None, chance.randrange(1, lengths[stream] + HEAD)
    place = chance.random()
    if place < LEFT_IN_REQUEST:
        sends = chance.randrange(len(_request(gateway, own, stream=stream)))
        reads = 0
    elif place < LEFT_IN_REQUEST + LEFT_AT_ONCE:
        reads = 0
    return Plan(own=own, stream=stream, sends=sends, reads=reads, resets=chance.random() < RESETS)


def _request(gateway: Gateway, own: str, *, stream: bool) -> bytes:
    body = chat_body(f"{QUESTION} ({own})", model="bridge", stream=stream)
    return request_head(gateway, own, len(body)) + body


async def leave_all(gateway: Gateway, plans: Sequence[Plan], progress: Progress) -> dict[str, Fate]:
    """What each client saw, by the id of its request."""
    fates: dict[str, Fate] = {}
    free = asyncio.Semaphore(AT_ONCE)

    async def one(plan: Plan) -> None:
        async with free:
            fates[plan.own] = await _leave(gateway, plan)
            progress(len(fates))

    await asyncio.gather(*map(one, plans))
    return fates


async def _leave(gateway: Gateway, plan: Plan) -> Fate:
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    writer.write(_request(gateway, plan.own, stream=plan.stream)[: plan.sends])
    await writer.drain()
    received = b""
    while len(received) < plan.reads and not _is_whole(received):
        received += await reader.read(plan.reads - len(received))
    if plan.resets:
        writer.transport.abort()
    else:
        writer.close()
    if plan.sends is not None:
        return Fate.NONE
    if not received:
        return Fate.PERHAPS
    return Fate.ONE_ANSWERED if _is_whole(received) else Fate.ONE


def _is_whole(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    if b"\r\ncontent-length: " in head:
        length = int(head.partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0])
        return len(body) == length
    return body.endswith(b"0\r\n\r\n")


def main() -> int:
    """Prints the counts; 1 when the books differ from what was sent."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.count, seed=chosen.seed, folder=Path(folder))
    print(tally)  # noqa: T201
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
