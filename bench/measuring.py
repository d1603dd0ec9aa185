"""What is measured of one peer in one round."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.peers import Peer
from bench.programs import Load, framed, run_load

PEER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
RATE = 500
STREAM_RATE = 100
SLOW_STREAMS = 2_000
SLOW_SECONDS = 14.0

Row = dict[str, float]


@contextlib.contextmanager
def upstream(peer: Peer, folder: Path) -> Iterator[processes.Running]:
    command = processes.on_core(LOAD_CORE, peer.command)
    with processes.running(command, port=peer.port, log=folder / "upstream.log") as running:
        yield running


@contextlib.contextmanager
def started(peer: Peer, folder: Path) -> Iterator[processes.Running]:
    with processes.running(
        processes.on_core(PEER_CORE, peer.command),
        port=peer.port,
        log=folder / f"{peer.name}.log",
        probe=peer.probe[0] if peer.probe else b"",
        environment=peer.environment,
        port_file=peer.port_file,
    ) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Bench:
    """The programs' folder, how long each measurement takes, and at which rate requests come."""

    folder: Path
    seconds: float
    rate: float = RATE

    def load(self, peer: Peer, *, streams: bool = False, **how: float) -> Load:
        """A closed loop of `CONNECTIONS`, unless told otherwise."""
        return run_load(
            self.folder,
            peer.port,
            peer.streams if streams else peer.requests,
            core=LOAD_CORE,
            connections=int(how.get("connections", CONNECTIONS)),
            seconds=how.get("seconds", self.seconds),
            rate=how.get("rate", 0),
        )

    def whole_answers(self, peer: Peer, pid: int) -> Row:
        """Warm-up, then as fast as it goes, then so many a second."""
        self.load(peer, seconds=min(2.0, self.seconds))
        before = processes.cpu_seconds(pid)
        closed = self.load(peer)
        used = processes.cpu_seconds(pid) - before
        opened = self.load(peer, rate=self.rate, connections=32)
        return {
            "requests_per_second": closed.per_second,
            "cpu_us_per_request": used / max(1, closed.answers) * 1e6,
            "p50_ms_closed": closed.p50_ms,
            "p99_ms_closed": closed.p99_ms,
            "p50_ms_at_rate": opened.p50_ms,
            "p99_ms_at_rate": opened.p99_ms,
            "memory_mb": processes.memory_mb(pid),
            "load_busy": max(closed.busy, opened.busy),
            "failures": closed.failures + opened.failures,
            "requests": closed.answers + opened.answers,
        }

    def streams(self, peer: Peer, pid: int) -> Row:
        """Streams of fifty pieces that come one by one, so many a second."""
        self.load(peer, streams=True, rate=STREAM_RATE, seconds=1.0)
        before = processes.cpu_seconds(pid)
        found = self.load(peer, streams=True, rate=STREAM_RATE)
        used = processes.cpu_seconds(pid) - before
        return {
            "cpu_ms_per_stream": used / max(1, found.answers) * 1e3,
            "first_p50_ms": found.first_p50_ms,
            "first_p99_ms": found.first_p99_ms,
            "stream_failures": found.failures,
        }

    def slow_streams(self, peer: Peer, pid: int) -> Row:
        """Memory that each of many streams at once takes, while all of them are open."""
        before = processes.memory_mb(pid)
        requests = framed(peer.streams, self.folder / "slow.bin")
        command = [str(self.folder / "load"), str(peer.port), str(requests), "closed"]
        command += [str(SLOW_STREAMS), "0", "1"]
        with subprocess.Popen(
            processes.on_core(LOAD_CORE, command), stdout=subprocess.PIPE
        ) as running:
            most = before
            while running.poll() is None:
                most = max(most, processes.memory_mb(pid))
                time.sleep(0.5)
            said = running.stdout.read() if running.stdout else b""
        return {
            "slow_kb_each": (most - before) * 1_024 / SLOW_STREAMS,
            "slow_failures": float(said.split(b'"failures":')[1].split(b",")[0]),
        }
