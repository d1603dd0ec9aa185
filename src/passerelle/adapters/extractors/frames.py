"""How the pool and its workers talk: length, header as JSON, length, bytes."""

import struct

import msgspec

LENGTH = struct.Struct(">Q")


class Task(msgspec.Struct, frozen=True):
    """Read this document; its bytes follow."""

    media_type: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a task; the text follows as UTF-8."""

    title: str = ""
    fault: str = ""
    """Why there is no text."""


def frame(header: Task | Outcome, body: bytes) -> bytes:
    """One message."""
    head = msgspec.json.encode(header)
    return b"".join((LENGTH.pack(len(head)), head, LENGTH.pack(len(body)), body))
