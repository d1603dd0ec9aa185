"""One worker process, seen from the pool."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from passerelle.adapters.extractors.frames import LENGTH, Outcome, Task, frame
from passerelle.adapters.extractors.limits import Limits
from passerelle.domain.knowledge.documents import Unreadable

_MODULE = "passerelle.adapters.extractors.worker"
_PACKAGES = str(Path(__file__).parents[3])
_ENVIRONMENT = {
    "PYTHONPATH": _PACKAGES,
    "PYTHONDONTWRITEBYTECODE": "1",  # no file may be written
    # One document at a time: threads for every core of a large machine would only take memory.
    "TOKIO_WORKER_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
_BYTES_A_CHARACTER = 4
_LARGEST_HEAD = 65_536
_REASONS = {
    -signal.SIGXCPU: "takes more computing time than allowed; split the document",
    -signal.SIGABRT: "makes the parser crash or exceed its memory; save it again, or split it",
}
_CRASHED = "makes the parser crash; open it and save it again"
_HUNG = "takes longer than allowed; split the document"


class WorkerProcess:
    """Does one document at a time. After a failure it is gone and must be replaced."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._left = limits.documents

    @classmethod
    async def start(cls, limits: Limits) -> "WorkerProcess":
        """The process sees no environment of ours: no secret can leak into a parser."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            _MODULE,
            msgspec.json.encode(limits).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_ENVIRONMENT,
        )
        return cls(process, limits)

    @property
    def usable(self) -> bool:
        return self._left > 0 and self._process.returncode is None

    async def parse(self, task: Task, data: bytes) -> tuple[str, str]:
        """Title and text. Raises `Unreadable`."""
        self._left -= 1
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                outcome, text = await self._exchange(frame(task, data))
        except TimeoutError:
            await self.stop()
            raise Unreadable(_HUNG) from None
        except (ConnectionError, asyncio.IncompleteReadError, msgspec.DecodeError):
            raise Unreadable(await self._why_gone()) from None
        except BaseException:  # cancelled: an answer may be half read
            await self.stop()
            raise
        if outcome.fault:
            raise Unreadable(outcome.fault)
        return outcome.title, text.decode("utf-8")

    async def stop(self) -> None:
        """Ends the process whatever it does."""
        self._left = 0
        if self._process.returncode is None:
            self._process.kill()
        # Also waits until the pipes are closed, so that nothing outlives the loop.
        await self._process.communicate()

    async def _exchange(self, message: bytes) -> tuple[Outcome, bytes]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ConnectionError("no pipes")
        stdin.write(message)
        await stdin.drain()
        head = await _message(stdout, _LARGEST_HEAD)
        text = await _message(stdout, self._limits.output_characters * _BYTES_A_CHARACTER)
        return msgspec.json.decode(head, type=Outcome), text

    async def _why_gone(self) -> str:
        """The process has closed its end: find out how it died."""
        try:
            async with asyncio.timeout(1):
                await self._process.wait()
        except TimeoutError:
            await self.stop()
        status = self._process.returncode
        await self.stop()
        return _REASONS.get(status or 0, _CRASHED)


async def _message(stream: asyncio.StreamReader, largest: int) -> bytes:
    size = LENGTH.unpack(await stream.readexactly(LENGTH.size))[0]
    if size > largest:
        raise ConnectionError("an answer larger than any can be")
    return await stream.readexactly(size)
