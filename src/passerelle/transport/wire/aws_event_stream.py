"""AWS's binary event streams (`application/vnd.amazon.eventstream`), both directions.

A message is its length, the length of its headers, a CRC of these two, headers, payload,
and a CRC of all that. Source: "Event stream encoding", Amazon Transcribe Developer Guide,
and the Smithy specification `amazon-eventstream`.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias
from uuid import UUID
from zlib import crc32

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_SHORTEST: Final = _PRELUDE.size + _CRC.size
_LONGEST: Final = 16_777_216
_LONGEST_HEADERS: Final = 131_072
_INTEGERS: Final = {2: 1, 3: 2, 4: 4, 5: 8}
"""Types of integers and how many bytes they take, narrowest first."""


class _Kind(IntEnum):
    """Types of header values that are no integers."""

    TRUE = 0
    FALSE = 1
    BYTES = 6
    STRING = 7
    TIMESTAMP = 8
    UUID = 9


class BrokenStream(Exception):
    """The bytes are no event stream, or were changed on their way."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    milliseconds: int
    """Since 1970-01-01T00:00:00 UTC."""


HeaderValue: TypeAlias = bool | int | bytes | str | Timestamp | UUID


@dataclass(frozen=True, slots=True)
class EventMessage:
    headers: Mapping[str, HeaderValue]
    payload: bytes = b""


class MessageReader:
    """Bytes in, messages out; how the bytes were cut makes no difference.

    The lengths are checked as soon as they are there: a broken one never makes us wait
    for bytes that nobody sends.
    """

    def __init__(self, *, longest: int = _LONGEST) -> None:
        self._longest = longest
        self._held = bytearray()
        self._due = 0
        """Length of the message that is being read; 0 while unknown."""
        self._header_bytes = 0
        self._written = b""
        """Headers of the last message, as they were written."""
        self._headers: Mapping[str, HeaderValue] = {}

    @property
    def pending(self) -> bool:
        """Some bytes of a message have come, and not all of them."""
        return bool(self._held)

    def push(self, chunk: bytes) -> list[EventMessage]:
        """Raises `BrokenStream`; after that there is nothing left to read."""
        held = self._held
        held += chunk
        messages: list[EventMessage] = []
        while len(held) >= (self._due or _PRELUDE.size):
            if not self._due:
                self._read_prelude()
                continue
            messages.append(self._message(bytes(held[: self._due])))
            del held[: self._due]
            self._due = 0
        return messages

    def _read_prelude(self) -> None:
        total, headers, crc = _PRELUDE.unpack_from(self._held)
        if crc32(self._held[: _PRELUDE.size - _CRC.size]) != crc:
            raise BrokenStream("The checksum of a message's lengths is wrong.")
        if total > self._longest or headers > _LONGEST_HEADERS:
            raise BrokenStream("A message is too long.")
        if total < _SHORTEST + headers:
            raise BrokenStream("The lengths of a message do not fit together.")
        self._due, self._header_bytes = total, headers

    def _message(self, data: bytes) -> EventMessage:
        body = len(data) - _CRC.size
        if crc32(data[:body]) != _CRC.unpack_from(data, body)[0]:
            raise BrokenStream("The checksum of a message is wrong.")
        end = _PRELUDE.size + self._header_bytes
        written = data[_PRELUDE.size : end]
        if written != self._written:  # nearly all messages of a stream have the same
            self._written, self._headers = written, _headers(_Cursor(written))
        return EventMessage(self._headers, data[end:body])


class _Cursor:
    """Where we are in the headers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def ended(self) -> bool:
        return self._place == len(self._data)

    def take(self, size: int) -> bytes:
        taken = self._data[self._place : self._place + size]
        if len(taken) != size:
            raise BrokenStream("A header is cut off.")
        self._place += size
        return taken

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), signed=True)

    def sized(self, size: int) -> bytes:
        """Bytes after their own length, which takes `size` bytes."""
        return self.take(int.from_bytes(self.take(size)))

    def text(self, size: int) -> str:
        try:
            return self.sized(size).decode()
        except UnicodeDecodeError:
            raise BrokenStream("A header is not UTF-8.") from None


def _headers(cursor: _Cursor) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    while not cursor.ended:
        name = cursor.text(1)
        if name in headers:
            raise BrokenStream("A message has two headers of one name.")
        headers[name] = _value(cursor)
    return headers


def _value(cursor: _Cursor) -> HeaderValue:
    kind = cursor.take(1)[0]
    match kind:
        case _Kind.TRUE | _Kind.FALSE:
            return kind == _Kind.TRUE
        case _Kind.BYTES:
            return cursor.sized(2)
        case _Kind.STRING:
            return cursor.text(2)
        case _Kind.TIMESTAMP:
            return Timestamp(cursor.integer(8))
        case _Kind.UUID:
            return UUID(bytes=cursor.take(16))
        case _ if kind in _INTEGERS:
            return cursor.integer(_INTEGERS[kind])
    raise BrokenStream("A header has an unknown type.")


def encode_message(message: EventMessage) -> bytes:
    """Integers take the narrowest type that holds them."""
    headers = b"".join(
        _sized(name.encode(), 1) + _encode_value(value) for name, value in message.headers.items()
    )
    total = _SHORTEST + len(headers) + len(message.payload)
    lengths = struct.pack(">II", total, len(headers))
    data = lengths + _CRC.pack(crc32(lengths)) + headers + message.payload
    return data + _CRC.pack(crc32(data))


def _encode_value(value: HeaderValue) -> bytes:
    match value:
        case bool():
            return bytes([_Kind.TRUE if value else _Kind.FALSE])
        case int():
            kind, size = next(each for each in _INTEGERS.items() if _fits(value, each[1]))
            return bytes([kind]) + value.to_bytes(size, signed=True)
        case str():
            return bytes([_Kind.STRING]) + _sized(value.encode(), 2)
        case bytes():
            return bytes([_Kind.BYTES]) + _sized(value, 2)
        case Timestamp():
            return bytes([_Kind.TIMESTAMP]) + value.milliseconds.to_bytes(8, signed=True)
        case UUID():
            return bytes([_Kind.UUID]) + value.bytes


def _fits(value: int, size: int) -> bool:
    return -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1


def _sized(value: bytes, size: int) -> bytes:
    return len(value).to_bytes(size) + value
