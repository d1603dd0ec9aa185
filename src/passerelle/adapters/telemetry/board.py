"""What each worker of a gateway tells the others, so that any of them can answer for all."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from passerelle.adapters.telemetry.metrics import Reading
from passerelle.adapters.telemetry.recent import Counted
from passerelle.domain.routing.health import TargetHealth

_LEFT = ".left"


class Told(msgspec.Struct, frozen=True):
    """What one worker has counted since it started."""

    metrics: Reading
    minutes: Sequence[Counted]
    health: Sequence[TargetHealth]


class Board:
    """A folder with one file for each worker: counters of those that have ended still count."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._own = folder / f"{worker}.json"

    def tell(self, told: Told) -> None:
        fresh = self._own.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(msgspec.json.encode(told))
        fresh.replace(self._own)

    def others(self) -> list[Told]:
        """How a provider stands is left out for those that have ended."""
        found = []
        for file in sorted(self._folder.glob("*.json")):
            if file != self._own:
                told = _read(file)
                ended = file.stem.endswith(_LEFT)
                found.append(msgspec.structs.replace(told, health=[]) if ended else told)
        return found


def left(folder: Path, worker: str) -> None:
    """A worker has ended; what it counted stays."""
    file = folder / f"{worker}.json"
    if file.exists():
        file.replace(folder / f"{worker}{_LEFT}.json")


def _read(file: Path) -> Told:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Told)
    except FileNotFoundError:  # it was renamed since: it counts again with the next look
        return Told({}, [], [])
