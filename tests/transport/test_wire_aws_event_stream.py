"""AWS's binary event streams, against botocore's reader."""

import struct
from itertools import pairwise
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.transport.wire.aws_event_stream import (
    BrokenStream,
    EventMessage,
    HeaderValue,
    MessageReader,
    Timestamp,
    encode_message,
)

_INT64 = st.integers(-(2**63), 2**63 - 1)
_VALUES: st.SearchStrategy[HeaderValue] = st.one_of(
    st.booleans(),
    st.integers(-128, 127),
    _INT64,
    st.binary(max_size=40),
    st.text(max_size=20),
    _INT64.map(Timestamp),
    st.uuids(),
)
_NAMES = st.text(min_size=1, max_size=12)
_MESSAGES = st.builds(
    EventMessage, st.dictionaries(_NAMES, _VALUES, max_size=5), st.binary(max_size=80)
)


def read(*chunks: bytes) -> list[EventMessage]:
    reader = MessageReader()
    messages = [message for chunk in chunks for message in reader.push(chunk)]
    assert not reader.pending
    return messages


def framed(headers: bytes, payload: bytes = b"") -> bytes:
    """A message around headers as they stand, whatever they hold."""
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    data = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return data + struct.pack(">I", crc32(data))


def as_botocore_says(value: HeaderValue) -> object:
    if isinstance(value, Timestamp):
        return value.milliseconds
    return value.bytes if isinstance(value, UUID) else value


@given(st.lists(_MESSAGES, max_size=4), st.data())
def test_messages_come_back_however_the_bytes_are_cut(
    messages: list[EventMessage], data: st.DataObject
) -> None:
    stream = b"".join(map(encode_message, messages))
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    cuts = [0, *sorted(places), len(stream)]
    assert read(*(stream[a:b] for a, b in pairwise(cuts))) == messages
    assert read(*(bytes([byte]) for byte in stream)) == messages


@given(st.lists(_MESSAGES, min_size=1, max_size=4))
def test_botocore_reads_the_same(messages: list[EventMessage]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(encode_message, messages)))
    theirs = [(message.headers, message.payload) for message in buffer]
    assert theirs == [
        ({name: as_botocore_says(value) for name, value in each.headers.items()}, each.payload)
        for each in messages
    ]


@settings(max_examples=300)
@given(_MESSAGES, st.data())
def test_a_flipped_bit_is_found(message: EventMessage, data: st.DataObject) -> None:
    stream = bytearray(encode_message(message))
    place = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[place // 8] ^= 1 << place % 8
    with pytest.raises(BrokenStream):
        MessageReader().push(bytes(stream))


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for_but_never_breaks_anything(garbage: bytes) -> None:
    reader = MessageReader()
    try:
        messages = reader.push(garbage)
    except BrokenStream:
        messages = []
    assert messages == []


def test_a_message_that_is_cut_off_stays_pending() -> None:
    reader = MessageReader()
    assert reader.push(encode_message(EventMessage({"a": 1}, b"payload"))[:-1]) == []
    assert reader.pending


def test_broken_lengths_are_found_before_the_rest_has_come() -> None:
    prelude = bytearray(encode_message(EventMessage({}, b"payload"))[:12])
    prelude[0] ^= 1
    with pytest.raises(BrokenStream, match="lengths"):
        MessageReader().push(bytes(prelude))


def test_a_message_longer_than_the_limit_is_refused_at_its_start() -> None:
    start = encode_message(EventMessage({}, b"x" * 100))[:12]
    assert MessageReader(longest=116).push(start) == []
    with pytest.raises(BrokenStream, match="too long"):
        MessageReader(longest=115).push(start)


def test_headers_longer_than_the_limit_are_refused() -> None:
    headers = {str(number): b"x" * 65_535 for number in range(3)}
    with pytest.raises(BrokenStream, match="too long"):
        MessageReader().push(encode_message(EventMessage(headers)))


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        (b"\x01a\x0a", "unknown type"),
        (b"\x01a\x00\x01a\x01", "two headers"),
        (b"\x05a", "cut off"),
        (b"\x01a", "cut off"),
        (b"\x01a\x05\x00", "cut off"),
        (b"\x01a\x07\x00\x02x", "cut off"),
        (b"\x01a\x07\x00\x01\xff", "not UTF-8"),
        (b"\x01\xff\x00", "not UTF-8"),
    ],
)
def test_headers_that_cannot_be_read_are_a_fault(headers: bytes, fault: str) -> None:
    with pytest.raises(BrokenStream, match=fault):
        MessageReader().push(framed(headers))


def test_lengths_that_do_not_fit_together_are_a_fault() -> None:
    lengths = struct.pack(">II", 20, 8)
    with pytest.raises(BrokenStream, match="fit together"):
        MessageReader().push(lengths + struct.pack(">I", crc32(lengths)))
