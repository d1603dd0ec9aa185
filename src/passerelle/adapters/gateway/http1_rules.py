"""What a request head must be before anybody reads it. The parser has judged its characters.

Source: RFC 9112, sections 3.2 and 6. A head that two readers could frame differently is
refused, since a proxy in front may be the other reader.
"""

from typing import Final

from passerelle.core.values.errors import InvalidRequest

Fields = list[tuple[bytes, bytes]]
_SINGLE: Final = frozenset(
    {b"host", b"content-length", b"content-type", b"transfer-encoding", b"authorization"}
)
_ABSOLUTE: Final = (b"http://", b"https://")


class BadHttp(InvalidRequest):
    """This is not HTTP/1.1 as we read it."""

    code = "invalid_http"


class HeadersTooLarge(InvalidRequest):
    """The request headers are too large."""

    status = 431
    code = "headers_too_large"


class HeadersTimedOut(InvalidRequest):
    """The request headers did not arrive in time."""

    status = 408
    code = "request_timeout"


def expect_sound(fields: Fields, headers: dict[bytes, bytes], version: str) -> None:
    """`headers` holds the same as `fields`, of repeated ones the last. Raises `BadHttp`."""
    if len(fields) > len(headers):
        _expect_single(fields)
    if version == "1.1":
        if b"host" not in headers:
            raise BadHttp("Send one `host` header.")
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise BadHttp("The only transfer encoding is `chunked`.")
    elif version != "1.0":
        raise BadHttp("Speak HTTP/1.1.")
    elif b"transfer-encoding" in headers:
        raise BadHttp("HTTP/1.0 has no transfer encodings.")


def _expect_single(fields: Fields) -> None:
    seen: set[bytes] = set()
    for name, _ in fields:
        if name in seen and name in _SINGLE:
            raise BadHttp(f"Send one `{name.decode()}` header.")
        seen.add(name)


def expect_small(fields: Fields, target: bytes, limit: int) -> None:
    """Raises `HeadersTooLarge`."""
    if len(target) + sum(len(name) + len(value) + 4 for name, value in fields) > limit:
        raise HeadersTooLarge


def origin_form(target: bytes) -> bytes:
    """Path and query of whatever form of a target. Raises `BadHttp`."""
    if b"#" in target:
        raise BadHttp("A target has no fragment.")
    if target.startswith(_ABSOLUTE):
        path = target.split(b"://", 1)[1].partition(b"/")
        return path[1] + path[2] or b"/"
    return target
