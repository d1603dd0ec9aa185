"""`python -m bench.document`: writes docs/performance.md from the last results."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.printing import spread, table

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
RIVAL_FIGURES = (
    ("requests_per_second", "req/s", "{:,.0f}"),
    ("cpu_us_per_request", "CPU µs/req", "{:,.0f}"),
    ("p50_ms_at_rate", "p50 ms at 20/s", "{:.2f}"),
    ("p99_ms_at_rate", "p99 ms at 20/s", "{:.2f}"),
    ("memory_mb", "memory MB", "{:,.0f}"),
    ("start_seconds", "start s", "{:.1f}"),
    ("load_busy", "load busy", "{:.0%}"),
)


def main() -> None:
    ours, rivals = _read("latest.json"), _read("rivals.json")
    text = (HERE / "performance.md").read_text(encoding="utf-8")
    page = text.format(
        ours=table(_rows(ours)),
        ours_conditions=_conditions(ours["about"]),
        ours_spread=_spreads(ours["about"]),
        rivals=table(_rows(rivals), RIVAL_FIGURES),
        rivals_conditions=_conditions(rivals["about"]),
        ratios=_ratios(rivals["about"]["ratios"]),
    )
    PAGE.write_text(page, encoding="utf-8")
    print(f"written to {PAGE.relative_to(Path.cwd())}")


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "results" / name).read_text(encoding="utf-8"))
    return found


def _rows(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row for name, row in result.items() if name != "about"}


def _conditions(about: Mapping[str, Any]) -> str:
    return (
        f"{about['at'][:10]}, {about['machine']}, Python {about['python']}, 2 virtual cores; "
        f"medians of {about['rounds']} rounds of {about['seconds']:g} s each; "
        f"fdatasync of 4 KB: p99 {about['fdatasync_p99_ms']:.2f} ms."
    )


def _spreads(about: Mapping[str, Any]) -> str:
    lines = ["| peer | CPU µs/req, least to most | req/s, least to most |", "|---|--:|--:|"]
    for name, rows in about["raw"].items():
        cpu, speed = (spread(rows, key) for key in ("cpu_us_per_request", "requests_per_second"))
        lines.append(f"| {name} | {cpu} | {speed} |")
    return "\n".join(lines)


def _ratios(ratios: Mapping[str, Mapping[str, float]]) -> str:
    lines = ["| rival | its CPU per request over ours: median (least to most) |", "|---|--:|"]
    for name, found in ratios.items():
        told = f"{found['median']:.2f} ({found['least']:.2f} to {found['most']:.2f})"
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
