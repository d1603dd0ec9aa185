"""Recorded HTTP calls of real providers: cassettes of the public data sets."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call as it went over the wire."""

    file: str
    """Path below the folder of the recordings."""
    method: str
    uri: str
    request_body: bytes
    status: int
    headers: Mapping[str, str]
    """Of the response, names in small letters. Lengths are those of the recording day."""
    body: bytes

    @property
    def streamed(self) -> bool:
        return "event-stream" in self.headers.get("content-type", "")

    def __str__(self) -> str:
        return f"{Path(self.file).stem}: {self.method} {self.uri}"


def recorded(data_sets: Path, uri_pattern: str) -> tuple[Recorded, ...]:
    """All calls whose URI holds the pattern (a regular expression), in the order of their files."""
    wanted = re.compile(uri_pattern)
    return tuple(call for call in _all(data_sets) if wanted.search(call.uri))


@cache
def _all(data_sets: Path) -> tuple[Recorded, ...]:
    folder = data_sets / "recorded_responses"
    files = sorted(folder.rglob("*.yaml"))
    return tuple(call for file in files for call in _calls(folder, file))


def _calls(folder: Path, file: Path) -> Iterator[Recorded]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # The loader is a safe one, whether written in C or not.
    cassette = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506
    for interaction in cassette.get("interactions", ()):
        # Calls by gRPC are recorded otherwise.
        if "request" not in interaction:
            continue
        request, response = interaction["request"], interaction["response"]
        yield Recorded(
            file=str(file.relative_to(folder)),
            method=request["method"],
            uri=request["uri"],
            request_body=_body(request),
            status=response["status"]["code"],
            headers={
                name.lower(): ", ".join(map(_text, values))
                for name, values in response["headers"].items()
            },
            body=_body(response),
        )


def _body(side: dict[str, Any]) -> bytes:
    if "parsed_body" in side:
        return json.dumps(side["parsed_body"], ensure_ascii=False).encode()
    body = side.get("body")
    if isinstance(body, dict):
        body = body.get("string", body)
    if isinstance(body, dict):
        return json.dumps(body, ensure_ascii=False).encode()
    data = body if isinstance(body, bytes) else (body or "").encode()
    return gzip.decompress(data) if data.startswith(_GZIP) else data


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
