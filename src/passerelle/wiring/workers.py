"""Several processes that serve one address, and the one that looks after them."""

import asyncio
import fcntl
import logging
import shutil
import signal
import socket
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import Unavailable
from passerelle.wiring.installation import Installation
from passerelle.wiring.seats import LIMITS, READY, worker_name
from passerelle.wiring.serving import accounts_of, open_deployments, remember_spending

if TYPE_CHECKING:
    from passerelle.adapters.store.shared_purse import SharedPurse

FOLDER = "workers"
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
"""Before a worker that has ended is started again; doubles with each time."""
MOST_DEATHS = 5
"""Of all workers together within a minute."""
MINUTE_SECONDS = 60.0
DRAIN_GRACE_SECONDS = 15.0
"""Beyond the time for draining; then workers are killed."""
_KILLED = 128
"""What a shell adds to a signal's number."""
_log = logging.getLogger("passerelle.workers")


class WorkersFailed(Unavailable):
    """The workers do not stay alive."""

    code = "workers_failed"


@contextmanager
def run_folder(installation: Installation) -> Iterator[Path]:
    """A new folder for what the workers of this run share. Raises `Unavailable`."""
    home = installation.data / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"Another gateway with several workers runs on {installation.data}."
            raise Unavailable(message) from None
        for old in home.glob("run-*"):
            shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=home))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def shared_purse(installation: Installation, store: Store, folder: Path) -> "SharedPurse":
    """Makes the file of limits and books what was spent before."""
    from passerelle.adapters.store.shared_purse import SharedPurse
    from passerelle.adapters.store.shared_words import SharedWords

    workers = installation.settings.listener.workers
    purse = SharedPurse(SharedWords.create(folder / LIMITS, workers=workers))
    deployments = open_deployments(installation, store)
    now_ms = installation.clock.now_ms()
    remember_spending(purse, accounts_of(installation), store, deployments, now_ms=now_ms)
    return purse


class Supervisor:
    """Starts workers, starts those again that end, hands signals on, and ends after the last."""

    def __init__(
        self,
        installation: Installation,
        folder: Path,
        purse: "SharedPurse",
        *,
        command: Sequence[str],
    ) -> None:
        """`command` starts a worker; its number and descriptors are appended."""
        from passerelle.adapters.gateway.listeners import bind_for_several
        from passerelle.adapters.telemetry.logs import start_logging

        start_logging()
        listener = installation.settings.listener
        self._sockets = bind_for_several(listener.host, listener.port, listener.workers)
        self._folder, self._purse, self._command = folder, purse, command
        self._patience = installation.settings.limits.drain_seconds + DRAIN_GRACE_SECONDS
        self._processes: dict[int, Process] = {}
        self._hearing: dict[int, asyncio.Task[None]] = {}
        self._serving: set[int] = set()
        self._deaths: list[float] = []
        self._all_serve = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failed = False

    @property
    def port(self) -> int:
        port: int = self._sockets[0][0].getsockname()[1]
        return port

    async def run(self, started: Callable[[int], None]) -> int:
        """Until told to stop; returns the worst exit status. Raises `WorkersFailed`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._hand_on, number)
        port = self.port
        keepers = [
            asyncio.create_task(self._keep(number)) for number in range(1, 1 + len(self._sockets))
        ]
        announcing = asyncio.create_task(self._announce(lambda: started(port)))
        try:
            await self._stopping.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await asyncio.shield(asyncio.gather(*keepers))
            self._signal(signal.SIGKILL)
            statuses = await asyncio.gather(*keepers)
        finally:
            announcing.cancel()
        if self._failed:
            raise WorkersFailed("See above what they said; then start again.")
        return max(statuses)

    async def _announce(self, started: Callable[[], None]) -> None:
        await self._all_serve.wait()
        started()

    async def _keep(self, number: int) -> int:
        """One seat, whoever sits there; returns the exit status of the last."""
        pause, status = FIRST_PAUSE_SECONDS, 0
        while not self._stopping.is_set():
            began = self._seconds()
            process = await self._sit(number)
            status = _exit_status(await process.wait())
            served = number in self._serving
            self._leave(number, process)
            if self._stopping.is_set():
                return status if served else 0  # who had not begun had nothing to finish
            self._count_death(number, status)
            if self._seconds() - began > MINUTE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return status

    async def _sit(self, number: int) -> Process:
        ours, theirs = socket.socketpair()
        files = [each.fileno() for each in self._sockets[number - 1]]
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *("--folder", str(self._folder), "--number", str(number)),
            *("--link", str(theirs.fileno())),
            *(part for file in files for part in ("--socket", str(file))),
            stdin=DEVNULL,
            pass_fds=(theirs.fileno(), *files),
            start_new_session=True,  # a terminal's Ctrl-C comes to us alone, and we hand it on
        )
        theirs.close()
        self._processes[number] = process
        if self._stopping.is_set():
            process.terminate()
        self._hearing[number] = asyncio.create_task(self._hear(number, ours))
        return process

    async def _hear(self, number: int, link: socket.socket) -> None:
        """Until the worker ends: it says once that it serves."""
        reader, writer = await asyncio.open_connection(sock=link)
        try:
            if await reader.read(1) == READY:
                self._serving.add(number)
                if len(self._serving) == len(self._sockets):
                    self._all_serve.set()
                await reader.read(1)
        finally:
            writer.close()

    def _leave(self, number: int, process: Process) -> None:
        from passerelle.adapters.telemetry.board import left

        del self._processes[number]
        self._serving.discard(number)
        self._purse.release(number)
        left(self._folder, worker_name(number, process.pid))

    def _count_death(self, number: int, status: int) -> None:
        """Gives up where the workers never served, or too many end too soon."""
        _log.error("worker %d has ended", number, extra={"status": status})
        now = self._seconds()
        self._deaths = [each for each in self._deaths if now - each < MINUTE_SECONDS] + [now]
        if not self._all_serve.is_set() or len(self._deaths) > MOST_DEATHS:
            self._failed = True
            self._hand_on(signal.SIGTERM)

    def _hand_on(self, number: signal.Signals) -> None:
        if number is not signal.SIGHUP:
            self._stopping.set()
            for each in (bound for row in self._sockets for bound in row):
                each.close()
        self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time()


def _exit_status(status: int) -> int:
    return status if status >= 0 else _KILLED - status
