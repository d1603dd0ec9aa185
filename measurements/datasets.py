"""Reads public data sets; where a measurement is told to look is the caller's business."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any


def rows(folder: Path, path: str) -> list[dict[str, Any]]:
    """Rows of a JSON lines file below the folder, packed or not."""
    file = folder / path
    if not file.exists():
        message = (
            f"{path} is not in the folder given with --data; docs/measurements.md names its source"
        )
        raise SystemExit(message)
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def document(folder: Path, path: str) -> Any:
    """A whole JSON file below the folder."""
    return json.loads((folder / path).read_text(encoding="utf-8"))


def is_for_tuning(group: str) -> bool:
    """Half of all groups, the same on every machine. Their rows may be read while something is
    tuned, so they are not reported.
    """
    return zlib.crc32(group.encode()) % 2 == 0
