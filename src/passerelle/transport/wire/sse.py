"""Server-sent events, both directions.

Source: WHATWG HTML, section 9.2.6. Deviations: `id` and `retry` are not kept, since
nothing resumes a completion; an event that the end of the stream cuts off can be asked
for with `finish`, because some servers leave the last blank line out.
"""

from dataclasses import dataclass

DONE = b"data: [DONE]\n\n"


class EventTooLong(Exception):
    """One event is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Event:
    data: bytes
    name: str = "message"


def encode_event(data: bytes, *, name: str = "") -> bytes:
    """`data` is one line: JSON without line breaks."""
    if name:
        return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
    return b"data: %s\n\n" % data


class EventReader:
    """Bytes in, events out; how the bytes were cut makes no difference.

    Works on bytes, so a character cut in half is whole again before anybody decodes it.
    """

    def __init__(self, *, longest: int = 1_000_000) -> None:
        self._longest = longest
        self._rest = b""
        self._data: list[bytes] = []
        self._held = 0
        self._name = ""
        self._first = True

    def push(self, chunk: bytes) -> list[Event]:
        """Raises `EventTooLong`."""
        if self._between and (data := _whole(chunk)) and len(data) <= self._longest:
            return [Event(data)]
        text = self._rest + chunk
        if self._first and len(text) >= len(_BOM):
            text = text.removeprefix(_BOM)
            self._first = False
        lines, self._rest = _split(text)
        events: list[Event] = []
        for line in lines:
            self._take(line, events)
        if self._held + len(self._rest) > self._longest:
            raise EventTooLong
        return events

    @property
    def _between(self) -> bool:
        """Nothing of an event has come yet, so that the next chunk may be a whole one."""
        return not (self._rest or self._data or self._name or self._first)

    def finish(self) -> list[Event]:
        """The event that the end of the stream cut off, if there is one."""
        events: list[Event] = []
        for line in (*self._rest.splitlines(), b""):
            self._take(line, events)
        self._rest = b""
        return events

    def _take(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event(b"\n".join(self._data), self._name or "message"))
            self._data, self._name, self._held = [], "", 0
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._held += len(value)
            if self._held > self._longest:
                raise EventTooLong
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")


_BOM = b"\xef\xbb\xbf"


def _whole(chunk: bytes) -> bytes:
    """The data of a chunk that is one event of one line, as most servers send them; or nothing."""
    end = chunk.find(b"\n")
    alone = end == len(chunk) - 2 and chunk.endswith(b"\n\n") and b"\r" not in chunk
    return chunk[6:end] if alone and chunk.startswith(b"data: ") else b""


def _split(text: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines and what is left. A carriage return at the very end may be half a CRLF."""
    if b"\r" in text:
        held = b"\r" if text.endswith(b"\r") else b""
        text = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = text.split(b"\n")
        return lines[:-1], lines[-1] + held
    lines = text.split(b"\n")
    return lines[:-1], lines[-1]
