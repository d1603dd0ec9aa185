"""The first bytes of an answer."""

from http import HTTPStatus
from typing import Final

from passerelle.adapters.gateway.asgi import Headers

_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
CLOSE: Final = b"connection: close\r\n"
CHUNKED: Final = b"transfer-encoding: chunked\r\n"
WITHOUT_BODY: Final = frozenset({204, 304})


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def lines(headers: Headers) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])
