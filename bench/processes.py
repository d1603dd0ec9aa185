"""Processes under measurement: start, wait until they answer, read what they used."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Running:
    """A process that answers, and how long that took."""

    pid: int
    port: int
    start_seconds: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """The command pinned to one core where `taskset` exists; else as it is."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > core:
        return ["taskset", "-c", str(core), *command]
    return list(command)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    probe: bytes = b"",
    environment: Mapping[str, str] | None = None,
    port_file: Path | None = None,
) -> Iterator[Running]:
    """Runs the command until the block ends; gives it once the port answers the probe.

    With a port file the port is the one that the process writes there.
    """
    if port_file is not None:
        port_file.unlink(missing_ok=True)
    with log.open("ab") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            port = _wait_for(_Awaited(process, port, port_file, log), probe)
            yield Running(process.pid, port, time.perf_counter() - begun)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The process and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


@dataclass(frozen=True, slots=True)
class _Awaited:
    process: "subprocess.Popen[bytes]"
    port: int
    port_file: Path | None
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]


def _wait_for(awaited: _Awaited, probe: bytes) -> int:
    """The port, once it answers."""
    ends = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < ends:
        if awaited.process.poll() is not None:
            raise RuntimeError(f"stopped before it listened: {awaited.said}")
        port = awaited.port
        if awaited.port_file is not None:
            port = int(awaited.port_file.read_text()) if awaited.port_file.exists() else 0
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as tap:
            if not probe:
                return port
            tap.sendall(probe)
            if tap.recv(64).startswith(b"HTTP/1.1 200"):
                return port
        time.sleep(0.02)
    raise RuntimeError(f"did not answer in {_START_SECONDS} s: {awaited.said}")


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            found.extend(family(int(child)))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of the process and its descendants, in units of 1,048,576 bytes.

    What they share is counted once where the kernel tells (PSS).
    """
    return sum(map(_memory_kb, family(pid))) / 1_024


def _memory_kb(pid: int) -> int:
    for name, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                if line.startswith(field):
                    return int(line.split()[1])
    return 0


def flush_p99_ms(folder: Path, count: int = 400) -> float:
    """How long the disk takes to make 4 KB durable: 99th percentile of `fdatasync`."""
    took = []
    with (folder / "flush.bin").open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(bytes(4_096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begun) * 1_000)
    return sorted(took)[int(0.99 * (count - 1))]
