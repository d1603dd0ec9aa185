"""Writes docs/measurements.md from the results at hand: `python -m measurements.document`.

Nothing in that page is typed by hand, so a figure and its table cannot part.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "measurements.md"
SPEED = HERE.parent / "bench" / "results" / "latest.json"
HEAD = (
    "# Measurements\n\n"
    "How good and how fast Passerelle is, with the number of rows and an interval beside each "
    "figure, and the trivial baselines beside each score. What was seen or tuned of "
    "the reported rows stands in the note below each table. The page is written by "
    "`python -m measurements.document` from what the commands below left in "
    "`measurements/results` and `bench/results`.\n\n"
    "`make measure NAME=… DATA=DIR` repeats a table on public data, or on a folder of yours "
    "with the same layout; the sources name repository and commit of each set. `make bench` "
    "repeats the speed table.\n"
)
TITLES = {
    "extractive": "Answers of the extractive provider",
    "retrieval": "Retrieval",
    "grounding": "Grounding",
    "injection": "The injection guard",
    "personal_data": "The personal data guard",
    "costs": "Costs",
    "projection": "The projection of costs",
}
FIGURES = (
    ("requests_per_second", "requests/s", "{:,.0f}"),
    ("cpu_us_per_request", "CPU µs per request", "{:,.0f}"),
    ("p50_ms_at_500", "p50 ms at 500/s", "{:.2f}"),
    ("p99_ms_at_500", "p99 ms at 500/s", "{:.2f}"),
    ("p99_added_ms_at_500", "p99 added ms", "{:.2f}"),
    ("rss_mb", "memory MB", "{:,.0f}"),
)


class Result(msgspec.Struct):
    name: str
    date: str
    machine: str
    command: str
    python: str
    markdown: str


class Speed(msgspec.Struct):
    at: str
    machine: str
    python: str
    rounds: int
    seconds: float
    medians: dict[str, dict[str, float]]
    raw: dict[str, list[dict[str, float]]]


class SpeedFile(msgspec.Struct):
    about: Speed


def sections() -> Iterator[str]:
    """One for each result that is at hand, in the order of `TITLES`."""
    for name, title in TITLES.items():
        file = HERE / "results" / f"{name}.json"
        if file.is_file():
            found = msgspec.json.decode(file.read_bytes(), type=Result)
            yield (
                f"## {title}\n\n`{found.command}` on {found.date}, {found.machine}, "
                f"Python {found.python}.\n\n{found.markdown.strip()}\n"
            )
    if SPEED.is_file():
        yield speed(msgspec.json.decode(SPEED.read_bytes(), type=SpeedFile).about)


def speed(found: Speed) -> str:
    """Medians with the range over the rounds behind them."""
    lines = ["| peer | " + " | ".join(title for _, title, _ in FIGURES) + " |"]
    lines.append("|---|" + "--:|" * len(FIGURES))
    for peer, row in found.medians.items():
        cells = [_cell(peer, figure, form, row=row, found=found) for figure, _, form in FIGURES]
        lines.append(f"| {peer} | {' | '.join(cells)} |")
    return (
        f"## Speed\n\n`make bench` on {found.at[:10]}, {found.machine}, Python {found.python}: "
        f"medians of {found.rounds} interleaved rounds of {found.seconds:g} s, with the lowest and "
        "the highest round in brackets. Gateway on one core; upstream and load on another. "
        "`gateway.relay`: key, limits, pattern guards, durable ledger. `gateway.full`: also "
        "retrieval over the handbook and grounding. `direct` is the upstream without us; added "
        "latency is taken against its median.\n\n" + "\n".join(lines) + "\n"
    )


def _cell(peer: str, figure: str, form: str, *, row: dict[str, float], found: Speed) -> str:
    seen = [each[figure] for each in found.raw[peer] if figure in each]
    spread = f" [{form.format(min(seen))}, {form.format(max(seen))}]" if len(seen) > 1 else ""
    return form.format(row[figure]) + spread


if __name__ == "__main__":
    PAGE.write_text("\n".join([HEAD, *sections()]), encoding="utf-8")
    print(f"written to {PAGE.relative_to(Path.cwd())}")
