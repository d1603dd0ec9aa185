"""The headers of an answer, read when somebody asks."""

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Names in lower case; of a repeated header the last.

    Most answers are served without a look at their headers. The parser has found them
    well-formed before they are read here.
    """

    __slots__ = ("_fields_read", "_head")

    def __init__(self, head: bytes, interim: int = 0) -> None:
        """`head` begins with so many interim answers and may run into the body."""
        self._head = head.split(b"\r\n\r\n", interim + 1)[interim]
        self._fields_read: dict[str, str] | None = None

    @property
    def framed(self) -> bool:
        """They say where the body ends."""
        return "content-length" in self or "transfer-encoding" in self

    @property
    def coded(self) -> bool:
        """The body is not as it was meant to be read."""
        if b"content-encoding" not in self._head.lower():
            return False
        return self.get("content-encoding", "identity") != "identity"

    def _fields(self) -> dict[str, str]:
        if self._fields_read is None:
            lines = self._head.decode("latin-1").split("\r\n")[1:]
            pairs = (line.partition(":") for line in lines)
            self._fields_read = {name.lower(): value.strip(" \t") for name, _, value in pairs}
        return self._fields_read

    def __getitem__(self, name: str) -> str:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())
