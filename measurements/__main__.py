"""`python -m measurements NAME --data DIR`: prints the tables, writes results/NAME.json.

Each module NAME of this folder has `measure(data: Path) -> Report`.
"""

import argparse
import importlib
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from measurements.report import Report

HERE = Path(__file__).parent
PARTS = {"__main__", "datasets", "document", "report"}
NAMES = sorted(file.stem for file in HERE.glob("*.py") if file.stem not in PARTS)


def machine() -> str:
    """Processor and cores, so that a reader can judge the timings."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def keep(report: Report) -> Path:
    """Writes the result with what is needed to repeat it."""
    record = {
        "name": report.name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "command": f"make measure NAME={report.name} DATA=DIR",
        "python": platform.python_version(),
        "sources": report.sources,
        "rows": [
            {"table": table.title, **dict(zip(table.columns, row, strict=True))}
            for table in report.tables
            for row in table.rows
        ],
        "notes": {table.title: table.note for table in report.tables if table.note},
        "markdown": report.markdown(),
    }
    file = HERE / "results" / f"{report.name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(prog="measurements", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    wanted = parser.parse_args()
    if not wanted.data.is_dir():
        parser.error(f"--data {wanted.data}: no such folder")
    report: Report = importlib.import_module(f"measurements.{wanted.name}").measure(wanted.data)
    print(report.markdown())
    print(f"written to {keep(report).relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
