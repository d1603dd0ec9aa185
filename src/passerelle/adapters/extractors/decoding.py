"""Bytes → text, without guessing: a wrong guess would be quoted as the truth."""

import codecs
import re

from passerelle.domain.knowledge.documents import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_DECLARED_WITHIN = 4096
_LINE_BREAK = re.compile(r"\r\n?")


def decode(data: bytes) -> str:
    """UTF-8, or what a byte order mark says; line feeds end lines. Raises `Unreadable`."""
    mark, encoding = next(
        ((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    return _decoded(data[len(mark) :], encoding)


def decode_html(data: bytes) -> str:
    """As `decode`; without a mark, in the encoding that the page declares."""
    declared = _DECLARED.search(data, 0, _DECLARED_WITHIN)
    if declared is None or any(data.startswith(mark) for mark, _ in _MARKS):
        return decode(data)
    return _decoded(data, _known(declared[1].decode("ascii")))


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except LookupError:
        raise Unreadable(f"declares the unknown encoding {name}; save it as UTF-8") from None
    # What the bytes themselves show to be single-byte cannot be UTF-16; browsers read UTF-8.
    return "utf-8" if found.startswith(("utf-16", "utf-32")) else found


def _decoded(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise Unreadable(f"not valid {encoding.upper()} text; save it as UTF-8") from None
    if "\x00" in text:
        raise Unreadable("holds binary data, not text; save it as UTF-8 text")
    return _LINE_BREAK.sub("\n", text)
