"""Medians over rounds, and the table that people read."""

import statistics
from collections.abc import Mapping, Sequence

from bench.measuring import Row

FIGURES: Sequence[tuple[str, str, str]] = (
    ("requests_per_second", "req/s", "{:,.0f}"),
    ("cpu_us_per_request", "CPU µs/req", "{:,.0f}"),
    ("times_nginx", "× nginx", "{:.1f}"),
    ("p50_ms_at_rate", "p50 ms at rate", "{:.2f}"),
    ("p99_added_ms_at_rate", "p99 added ms", "{:.2f}"),
    ("cpu_ms_per_stream", "CPU ms/stream", "{:.2f}"),
    ("first_p99_ms", "first byte p99 ms", "{:.1f}"),
    ("slow_kb_each", "KB/slow stream", "{:.0f}"),
    ("memory_mb", "memory MB", "{:,.0f}"),
    ("start_seconds", "start s", "{:.2f}"),
    ("load_busy", "load busy", "{:.0%}"),
    ("failures", "failures", "{:,.0f}"),
)


def medians(rows: Mapping[str, Sequence[Row]]) -> dict[str, Row]:
    """Of each figure over the rounds; what is added is taken against the direct way's median."""
    found = {
        name: {
            figure: statistics.median(row[figure] for row in each if figure in row)
            for figure in dict.fromkeys(figure for row in each for figure in row)
        }
        for name, each in rows.items()
        if each
    }
    for name, row in found.items():
        if "direct" in found and "p99_ms_at_rate" in row:
            row["p99_added_ms_at_rate"] = row["p99_ms_at_rate"] - found["direct"]["p50_ms_at_rate"]
        if "nginx" in rows and name != "nginx" and "cpu_us_per_request" in row:
            row["times_nginx"] = _ratio(rows[name], rows["nginx"])
    return found


def _ratio(rows: Sequence[Row], others: Sequence[Row]) -> float:
    """Median of the ratios within a round: what slows the machine down slows both."""
    pairs = zip(rows, others, strict=False)
    return statistics.median(
        row["cpu_us_per_request"] / other["cpu_us_per_request"]
        for row, other in pairs
        if other["cpu_us_per_request"]
    )


def table(found: Mapping[str, Row], figures: Sequence[tuple[str, str, str]] = FIGURES) -> str:
    shown = [each for each in figures if any(each[0] in row for row in found.values())]
    lines = ["| peer | " + " | ".join(title for _, title, _ in shown) + " |"]
    lines.append("|---|" + "--:|" * len(shown))
    for name, row in found.items():
        cells = (form.format(row[key]) if key in row else "" for key, _, form in shown)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(rows: Sequence[Row], figure: str) -> str:
    """Smallest and largest over the rounds."""
    values = [row[figure] for row in rows if figure in row]
    return f"{min(values):,.0f}-{max(values):,.0f}" if values else ""
