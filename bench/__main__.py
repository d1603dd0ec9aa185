"""`make bench`: what the gateway costs beside a plain proxy to the same upstream.

The peer has one core, upstream and load the other. Each round measures every peer
once, so that slow drifts of the machine hit all alike; medians are printed.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import peers, printing, processes, programs
from bench.measuring import Bench, Row, started, upstream

RESULTS = Path(__file__).parent / "results"
PIECE_MS, SLOW_PIECE_MS = 10.0, 200.0


def rounds(count: int, bench: Bench, profiles: Sequence[str]) -> dict[str, list[Row]]:
    port, folder = processes.free_port(), bench.folder
    base = peers.direct(port, folder)
    proxy = peers.nginx(port, folder)
    compared = [
        *([proxy] if proxy else []),
        *(peers.gateway(profile, port, folder) for profile in profiles),
    ]
    rows: dict[str, list[Row]] = {peer.name: [] for peer in (base, *compared)}
    for number in range(count):
        print(f"round {number + 1} of {count}", flush=True)
        with upstream(base, folder) as running:
            rows[base.name].append(bench.whole_answers(base, running.pid))
            for peer in compared:
                with started(peer, folder) as process:
                    row = bench.whole_answers(peer, process.pid)
                    rows[peer.name].append(row | {"start_seconds": process.start_seconds})
        with upstream(peers.direct(port, folder, pause_ms=PIECE_MS), folder):
            for peer in compared:
                with started(peer, folder) as process:
                    rows[peer.name][-1] |= bench.streams(peer, process.pid)
    with upstream(peers.direct(port, folder, pause_ms=SLOW_PIECE_MS), folder):
        for peer in compared:
            with started(peer, folder) as process:
                rows[peer.name][-1] |= bench.slow_streams(peer, process.pid)
    return rows


def soak(count: int, bench: Bench, profile: str) -> None:
    """Does memory stay flat? At ten points of the way."""
    port, folder = processes.free_port(), bench.folder
    peer = peers.gateway(profile, port, folder)
    with upstream(peers.direct(port, folder), folder), started(peer, folder) as process:
        done = failures = 0
        point = 0
        while done < count:
            part = bench.load(peer)
            done += part.answers
            failures += part.failures
            while done >= (point + 1) * count / 10:
                point += 1
                memory = processes.memory_mb(process.pid)
                print(f"{done:>9,} requests  {memory:6.1f} MB  {failures} failures", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--profiles", default="relay,full")
    parser.add_argument("--soak", type=int, default=0, help="only: memory over so many requests")
    arguments = parser.parse_args()
    profiles = arguments.profiles.split(",")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), arguments.seconds)
        programs.build(bench.folder)
        if arguments.soak:
            soak(arguments.soak, bench, profiles[0])
            return
        flush_ms = processes.flush_p99_ms(bench.folder)
        found = rounds(arguments.rounds, bench, profiles)
    medians = printing.medians(found)
    print(printing.table(medians))
    print(f"\nfdatasync of 4 KB: p99 {flush_ms:.2f} ms")
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "fdatasync_p99_ms": flush_ms,
        "raw": found,
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "latest.json"
    file.write_text(json.dumps(medians | {"about": result}, indent=1), encoding="utf-8")
    print(f"written to {file.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
