"""The long counts of which the suite runs a stated part with the same code.

python -m tests.campaigns --list
python -m tests.campaigns disconnects --count 1000
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.campaigns import chunkings, disconnects, kills, mutations, serving_kills, spending

Progress: TypeAlias = Callable[[int], None]
SLICE = 500
"""Mutations between two words of progress."""
TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """What one campaign found."""

    told: str
    faults: Sequence[str]


@dataclass(frozen=True)
class Campaign:
    """One long count. `run` takes the count, a seed, an empty folder and whom to tell."""

    name: str
    asks: str
    count: int
    suite: int
    """How many the suite runs."""
    run: Callable[[int, int, Path, Progress], Outcome]


def run_chunkings(count: int, seed: int, _folder: Path, progress: Progress) -> Outcome:
    faults = []
    for done in range(count):
        if found := chunkings.fault(seed + done):
            faults.append(f"seed {seed + done}: {found}")
        progress(done + 1)
    return Outcome(f"{count:,} random texts in random pieces", faults)


def run_kills(count: int, seed: int, folder: Path, progress: Progress) -> Outcome:
    tally = kills.run(count, seed=seed, folder=folder)
    progress(count)
    counts = {
        "acknowledged entries are lost": tally.lost,
        "ledgers do not verify": tally.unproved,
    }
    told = f"{tally.kills} kills, {tally.acknowledged:,} acknowledged entries"
    return Outcome(told, [f"{number} {what}" for what, number in counts.items() if number])


def run_mutations(count: int, seed: int, folder: Path, progress: Progress) -> Outcome:
    faults: list[str] = []
    clean = 0
    for begin in range(0, count, SLICE):
        part = folder / str(begin)
        part.mkdir()
        tally = mutations.run(min(SLICE, count - begin), seed=seed + begin, folder=part)
        faults += [f"missed {what}" for what in tally.missed]
        faults += ["an untouched ledger was blamed"] * tally.false_alarms
        clean += tally.clean
        progress(min(begin + SLICE, count))
    return Outcome(f"{count:,} damaged ledgers, {clean:,} untouched ones", faults)


def run_serving_kills(count: int, seed: int, folder: Path, progress: Progress) -> Outcome:
    tally = serving_kills.run(count, seed=seed, folder=folder, progress=progress)
    told = (
        f"{tally.kills} kills, {tally.answered:,} answered exchanges, "
        f"{tally.begun} streams torn before their end"
    )
    twice = [f"{tally.twice} exchanges have two entries"] if tally.twice else []
    return Outcome(told, [*tally.faults, *twice])


def run_disconnects(count: int, seed: int, folder: Path, progress: Progress) -> Outcome:
    tally = disconnects.run(count, seed=seed, folder=folder, progress=progress)
    fates = ", ".join(f"{name.lower()} {number}" for name, number in sorted(tally.fates.items()))
    told = f"{tally.disconnects:,} clients left ({fates}); {tally.entries:,} entries"
    return Outcome(f"{told}, {tally.cut_off:,} of them cut off", tally.faults)


def run_spending(count: int, seed: int, folder: Path, progress: Progress) -> Outcome:
    tally = spending.run(count, seed=seed, folder=folder, progress=progress)
    told = f"{tally.clients:,} clients, {tally.calls:,} calls to the provider, {tally.failed:,} of"
    told += f" them failed; {tally.entries:,} entries, {tally.nano:,} nano-USD"
    return Outcome(told, tally.faults)


CAMPAIGNS = (
    Campaign(
        "chunkings",
        "Does the same text leave a guarded stream, however it is cut into pieces?",
        1_000_000,
        chunkings.SUITE,
        run_chunkings,
    ),
    Campaign("mutations", "Does the audit find every change?", 10_000, 300, run_mutations),
    Campaign("kills", "Is all there that a killed ledger acknowledged?", 20, 5, run_kills),
    Campaign(
        "serving_kills",
        "Is all there that a killed gateway answered?",
        20,
        3,
        run_serving_kills,
    ),
    Campaign(
        "disconnects",
        "Are the books exact when clients leave at random bytes?",
        1_000,
        30,
        run_disconnects,
    ),
    Campaign(
        "spending",
        "Do budgets, ledger and provider agree when clients leave and providers fail?",
        1_000,
        40,
        run_spending,
    ),
)


class Bar:
    """Words of progress on standard error, a few times a second at most."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._began = self._told = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told < TICK_SECONDS and done < self._count:
            return
        self._told = now
        line = f"{self._name}: {done:,} of {self._count:,}, {now - self._began:.0f} s"
        end = "\n" if done >= self._count else ""
        sys.stderr.write(f"\r{line:<60}{end}")
        sys.stderr.flush()


def run(campaign: Campaign, count: int, *, seed: int) -> bool:
    """Prints what was found; true when nothing was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / campaign.name
        own.mkdir()
        outcome = campaign.run(count, seed, own, Bar(campaign.name, count))
    say(f"{campaign.name}: {len(outcome.faults)} faults. {outcome.told} (seed {seed}).")
    for fault in outcome.faults:
        say(f"  FAULT {fault}")
    return not outcome.faults


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what the command is for


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when something was found wrong, 2 for wrong arguments."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    names = [campaign.name for campaign in CAMPAIGNS]
    options.add_argument("name", nargs="?", choices=names, help="default: every one")
    options.add_argument("--count", type=int, help="default: the long count of each")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--list", action="store_true", help="what there is")
    chosen = options.parse_args(arguments)
    if chosen.list:
        for each in CAMPAIGNS:
            say(f"{each.name:<15}{each.count:>10,}  (suite {each.suite:,})  {each.asks}")
        return 0
    wanted = [each for each in CAMPAIGNS if chosen.name in (None, each.name)]
    held = [run(each, chosen.count or each.count, seed=chosen.seed) for each in wanted]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
