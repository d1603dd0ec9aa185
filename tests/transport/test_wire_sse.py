"""Server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.transport.wire.sse import Event, EventReader, EventTooLong, encode_event


def read(*chunks: bytes) -> list[Event]:
    reader = EventReader()
    return [*(event for chunk in chunks for event in reader.push(chunk)), *reader.finish()]


STREAM = (
    b"\xef\xbb\xbf: comment\n\ndata: one\r\n\r\nevent: named\ndata:two\ndata:  three\n\n"
    b"retry: 5\nid: 7\n\ndata\n\ndata: \xe6\x9d\xb1\r\rdata: last"
)
EVENTS = [
    Event(b"one"),
    Event(b"two\n three", "named"),
    Event(b""),
    Event(b"\xe6\x9d\xb1"),
    Event(b"last"),
]


def test_all_line_ends_comments_names_and_lines_of_data_are_read() -> None:
    assert read(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_cutting_the_stream_makes_no_difference(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in pairwise(places))) == EVENTS


def test_name_belongs_to_one_event_only() -> None:
    assert read(b"event: a\ndata: 1\n\ndata: 2\n\n") == [Event(b"1", "a"), Event(b"2")]


@pytest.mark.parametrize("chunk", [b"data: " + b"x" * 70, b"data: 1234567890\n" * 7])
def test_event_without_end_does_not_grow_without_end(chunk: bytes) -> None:
    reader = EventReader(longest=50)
    with pytest.raises(EventTooLong):
        reader.push(chunk)


def test_long_stream_of_short_events_has_no_limit() -> None:
    reader = EventReader(longest=50)
    assert sum(len(reader.push(b"data: 1234567890\n\n" * 40)) for _ in range(20)) == 800


def test_what_is_written_can_be_read() -> None:
    assert read(encode_event(b"{}"), encode_event(b"[]", name="ping")) == [
        Event(b"{}"),
        Event(b"[]", "ping"),
    ]
