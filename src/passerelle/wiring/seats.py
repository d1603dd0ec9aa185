"""What one of several workers has of the whole: its number, its sockets, the shared limits."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from passerelle.domain.budgets.rates import Rates
from passerelle.domain.budgets.reservations import Purse

if TYPE_CHECKING:
    from passerelle.adapters.telemetry.board import Board

LIMITS = "limits"
"""Name of the shared file in the folder of a run."""
READY = b"!"


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """Budgets and rates of all workers together."""

    purse: Purse
    rates: Rates


@dataclass(frozen=True, slots=True)
class Seat:
    """A place among several workers."""

    number: int
    """From 1 on."""
    sockets: tuple[socket.socket, ...]
    link: socket.socket
    """To the supervisor: it is told once that we serve, and its end is ours."""
    limits: SharedLimits
    board: "Board"

    def serving(self) -> None:
        self.link.send(READY)


def worker_name(number: int, process: int) -> str:
    """Another one for each process that sits there."""
    return f"{number}-{process}"


@asynccontextmanager
async def seated(
    folder: Path, number: int, *, link: int, sockets: Sequence[int]
) -> AsyncGenerator[Seat, None]:
    """The seat behind inherited descriptors; the process drains when the supervisor is gone."""
    from passerelle.adapters.store.shared_purse import SharedPurse
    from passerelle.adapters.store.shared_rates import SharedRates
    from passerelle.adapters.store.shared_words import SharedWords
    from passerelle.adapters.telemetry.board import Board

    loop, tie = asyncio.get_running_loop(), socket.socket(fileno=link)
    words = SharedWords(folder / LIMITS, worker=number)

    def orphaned() -> None:
        loop.remove_reader(tie)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(tie, orphaned)
    try:
        yield Seat(
            number,
            tuple(socket.socket(fileno=each) for each in sockets),
            tie,
            SharedLimits(SharedPurse(words), SharedRates(words)),
            Board(folder, worker_name(number, os.getpid())),
        )
    finally:
        loop.remove_reader(tie)
        tie.close()
        words.close()
