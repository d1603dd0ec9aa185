"""Kills a process while it records: is everything there that it had acknowledged?

python -m tests.campaigns.kills --count 20
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from passerelle.adapters.store.sqlite import SqliteStore
from passerelle.stories.govern.audit import verify
from tests.campaigns.ledgers import draft, open_folder

APPENDERS = 32
LONGEST_SECONDS = 0.5


@dataclass
class Tally:
    """What the campaign saw."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    unproved: int = 0
    """Ledgers that did not verify afterwards."""
    unacknowledged: int = 0
    """Entries on the disk whose acknowledgement the kill swallowed; harmless."""


def run(count: int, *, seed: int, folder: Path) -> Tally:
    """Kills `count` times, always the same ledger, which goes on growing."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    tally = Tally()
    for _ in range(count):
        acknowledged = kill_one(folder, after_seconds=chance.uniform(0, LONGEST_SECONDS))
        tally.kills += 1
        tally.acknowledged += len(acknowledged)
        with closing(open_folder(folder)) as store:
            size = store.ledger.head().size
            kept = [entry.hash for entry in store.ledger.entries(organisation="acme", limit=size)]
            known = set(kept)
            tally.lost += sum(own not in known for own in acknowledged)
            tally.unproved += not verify(store.ledger).ok
            asyncio.run(store.ledger.append(draft(size)))
    tally.unacknowledged = size - tally.acknowledged - (count - 1)
    return tally


def kill_one(folder: Path, *, after_seconds: float) -> list[str]:
    """Hashes that the process had printed when it died by signal 9."""
    command = [sys.executable, "-m", "tests.campaigns.kills", "--record", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after_seconds)
        process.kill()
        printed = first + process.stdout.read()
    # The last line may have been cut by the kill; then it was not acknowledged.
    return printed.decode().split("\n")[:-1]


async def record_for_ever(store: SqliteStore) -> None:
    """Appends from many tasks at once and prints each hash once it is acknowledged."""

    async def appender(first: int) -> None:
        number = first
        while True:
            entry = await store.ledger.append(draft(number))
            os.write(1, f"{entry.hash}\n".encode())
            number += APPENDERS

    await asyncio.gather(*(appender(first) for first in range(APPENDERS)))


def main() -> int:
    """Prints the counts; 1 when something acknowledged is lost or does not verify."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--record", type=Path)
    chosen = options.parse_args()
    if chosen.record:
        asyncio.run(record_for_ever(open_folder(chosen.record)))
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.count, seed=chosen.seed, folder=Path(folder))
    print(tally)  # noqa: T201
    return 1 if tally.lost or tally.unproved else 0


if __name__ == "__main__":
    sys.exit(main())
