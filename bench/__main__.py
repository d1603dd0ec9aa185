"""`make bench`: requests per second, CPU per request, added latency and memory.

Gateway on one core; upstream and load on another. Each round measures every
peer once, so that slow drifts of the machine hit all alike; medians are printed.
"""

import argparse
import asyncio
import contextlib
import json
import platform
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import load, peers, processes

RESULTS = Path(__file__).parent / "results" / "latest.json"
GATEWAY_CORE, LOAD_CORE = 0, 1
RATE = 500
Row = dict[str, float]


def measure(peer: peers.Peer, pid: int, *, seconds: float) -> Row:
    """One round of one peer: warm-up, closed loop, open loop."""
    asyncio.run(load.closed_loop(peer.port, peer.requests, connections=64, seconds=1.0))
    before = processes.cpu_seconds(pid)
    closed = asyncio.run(
        load.closed_loop(peer.port, peer.requests, connections=64, seconds=seconds)
    )
    used = processes.cpu_seconds(pid) - before
    opened = asyncio.run(load.open_loop(peer.port, peer.requests, rate=RATE, seconds=seconds))
    return {
        "requests_per_second": closed.requests_per_second,
        "cpu_us_per_request": used / max(1, len(closed.latencies_ms)) * 1e6,
        "p50_ms_closed": closed.quantile_ms(0.5),
        "p99_ms_closed": closed.quantile_ms(0.99),
        "p50_ms_at_500": opened.quantile_ms(0.5),
        "p99_ms_at_500": opened.quantile_ms(0.99),
        "rss_mb": processes.memory_mb(pid),
        "failures": closed.failures + opened.failures,
        "requests": len(closed.latencies_ms) + len(opened.latencies_ms),
    }


@contextlib.contextmanager
def started(peer: peers.Peer, folder: Path) -> Iterator[int]:
    command = processes.on_core(GATEWAY_CORE, peer.command)
    with processes.running(command, port=peer.port, log=folder / f"{peer.name}.log") as pid:
        yield pid


def rounds(count: int, *, seconds: float, folder: Path) -> dict[str, list[Row]]:
    upstream_port = processes.free_port()
    base = peers.direct(upstream_port, folder)
    compared = [
        peer
        for peer in (
            peers.nginx(upstream_port, folder),
            peers.gateway("relay", upstream_port, folder),
            peers.gateway("full", upstream_port, folder),
        )
        if peer is not None
    ]
    rows: dict[str, list[Row]] = {peer.name: [] for peer in (base, *compared)}
    upstream = processes.on_core(LOAD_CORE, base.command)
    with processes.running(upstream, port=base.port, log=folder / "upstream.log") as upstream_pid:
        for _ in range(count):
            rows[base.name].append(measure(base, upstream_pid, seconds=seconds))
            for peer in compared:
                with started(peer, folder) as pid:
                    rows[peer.name].append(measure(peer, pid, seconds=seconds))
    return rows


def soak(count: int, folder: Path) -> None:
    """Does memory stay flat? Resident memory of the full profile at ten points of the way."""
    upstream_port = processes.free_port()
    base = peers.direct(upstream_port, folder)
    peer = peers.gateway("full", upstream_port, folder)
    upstream = processes.on_core(LOAD_CORE, base.command)
    with (
        processes.running(upstream, port=base.port, log=folder / "upstream.log"),
        started(peer, folder) as pid,
    ):
        done = failures = 0
        while done < count:
            part = asyncio.run(
                load.closed_loop(peer.port, peer.requests, connections=64, count=count // 10)
            )
            done += len(part.latencies_ms)
            failures += part.failures
            print(f"{done:>9,} requests  {processes.memory_mb(pid):6.1f} MB  {failures} failures")


def summary(rows: dict[str, list[Row]]) -> dict[str, Row]:
    """Medians over the rounds; added latency is taken against the direct way's median."""
    medians = {
        name: {figure: statistics.median(row[figure] for row in found) for figure in found[0]}
        for name, found in rows.items()
    }
    for row in medians.values():
        row["p99_added_ms_at_500"] = row["p99_ms_at_500"] - medians["direct"]["p50_ms_at_500"]
    return medians


def table(medians: dict[str, Row]) -> str:
    figures = (
        ("requests_per_second", "req/s", "{:,.0f}"),
        ("cpu_us_per_request", "CPU µs/req", "{:,.0f}"),
        ("p50_ms_at_500", "p50 ms at 500/s", "{:.2f}"),
        ("p99_ms_at_500", "p99 ms at 500/s", "{:.2f}"),
        ("p99_added_ms_at_500", "p99 added ms", "{:.2f}"),
        ("rss_mb", "memory MB", "{:,.0f}"),
        ("failures", "failures", "{:,.0f}"),
    )
    lines = ["| peer | " + " | ".join(title for _, title, _ in figures) + " |"]
    lines.append("|---|" + "--:|" * len(figures))
    for name, row in medians.items():
        cells = (form.format(row[figure]) for figure, _, form in figures)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--soak", type=int, default=0, help="only: memory over so many requests")
    arguments = parser.parse_args()
    if arguments.soak:
        with tempfile.TemporaryDirectory() as name:
            soak(arguments.soak, Path(name))
        return
    with tempfile.TemporaryDirectory() as name:
        found = rounds(arguments.rounds, seconds=arguments.seconds, folder=Path(name))
    medians = summary(found)
    print(table(medians))
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "medians": medians,
        "raw": found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(medians | {"about": result}, indent=1), encoding="utf-8")
    print(f"\nwritten to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
