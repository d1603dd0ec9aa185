"""Serves the built console. Every file is read once, so a path can reach nothing else."""

import gzip
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
"""ASGI's messages are open dictionaries by definition of the standard."""
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

STATIC: Final = Path(__file__).parent / "static"
START_PAGE: Final = "index.html"
HASHED: Final = "assets/"
"""The build puts the digest of a file into its name below this folder."""
SMALLEST_COMPRESSED: Final = 1_000
FOR_EVER: Final = b"public, max-age=31536000, immutable"
ASK_FIRST: Final = b"no-cache"

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)
SECURITY: Final[Headers] = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]

NOT_BUILT: Final = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Passerelle: the console is not built</title>
<h1>The console is not built yet</h1>
<p>The gateway runs and answers under <code>/v1</code> and <code>/api/v1</code>.</p>
<p>To build the console, install Node 20, run <code>make setup</code> in the folder of Passerelle,
and start it again.</p>
</html>
"""
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""Our own table: what a machine has registered for .js is not always a script."""
UNKNOWN_TYPE: Final = "application/octet-stream"
_COMPRESSED_ALREADY: Final = {"image/png", "font/woff2", UNKNOWN_TYPE}
_REFUSED: Final = re.compile(rb"\s*q=0(\.0*)?\s*")


@dataclass(frozen=True)
class File:
    """A file of the build as it is sent."""

    media_type: str
    data: bytes
    caching: bytes

    @cached_property
    def etag(self) -> bytes:
        """Weak, since the compressed form has it too."""
        return b'W/"%b"' % sha256(self.data).hexdigest()[:32].encode()

    @cached_property
    def compressed(self) -> bytes | None:
        """None where it saves nothing."""
        if len(self.data) < SMALLEST_COMPRESSED or self.media_type in _COMPRESSED_ALREADY:
            return None
        return gzip.compress(self.data, compresslevel=6, mtime=0)


class Console:
    """ASGI application; an unknown path gets the start page, whose router knows the pages."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = dict(_read(folder))
        self._start = self._files.get("/" + START_PAGE)

    @property
    def built(self) -> bool:
        """Is there anything to serve?"""
        return self._start is not None

    async def __call__(self, scope: Message, _: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        headers = dict(scope["headers"])
        reply = self._reply(scope["method"], scope["path"], headers)
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
        )
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    def _reply(self, method: str, path: str, headers: dict[bytes, bytes]) -> "Reply":
        if method not in {"GET", "HEAD"}:
            return Reply.text(405, b"The console takes GET only.\n", (b"allow", b"GET, HEAD"))
        if self._start is None:
            return Reply.page(503, NOT_BUILT)
        found = self._files.get(path) or (self._start if _is_page(path) else None)
        if found is None:
            return Reply.text(404, b"There is no such file.\n")
        return Reply.file(found, headers)


def console(folder: Path = STATIC) -> Console:
    """The console as built beside this file."""
    return Console(folder)


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def file(cls, file: File, asked: dict[bytes, bytes]) -> "Reply":
        """The file, or only its tag when the browser has it already."""
        headers = [
            (b"cache-control", file.caching),
            (b"etag", file.etag),
            (b"vary", b"accept-encoding"),
        ]
        if _has(asked.get(b"if-none-match", b""), file.etag):
            return cls(304, [*SECURITY, *headers], b"")
        body = file.data
        if file.compressed is not None and _takes_gzip(asked.get(b"accept-encoding", b"")):
            body = file.compressed
            headers.append((b"content-encoding", b"gzip"))
        return cls(200, _with_body(file.media_type, body, headers), body)

    @classmethod
    def page(cls, status: int, body: bytes) -> "Reply":
        """A page of our own that must not be kept."""
        headers = [(b"cache-control", b"no-store")]
        return cls(status, _with_body(MEDIA_TYPES[".html"], body, headers), body)

    @classmethod
    def text(cls, status: int, body: bytes, *more: tuple[bytes, bytes]) -> "Reply":
        """A sentence."""
        headers = [(b"cache-control", b"no-store"), *more]
        return cls(status, _with_body(MEDIA_TYPES[".txt"], body, headers), body)


def _read(folder: Path) -> Iterator[tuple[str, File]]:
    """Each file by its URL path. Hidden files and links to elsewhere are none of the build's."""
    root = folder.resolve()
    for place in sorted(root.rglob("*")):
        name = place.relative_to(root).as_posix()
        hidden = any(part.startswith(".") for part in place.relative_to(root).parts)
        if hidden or not place.is_file() or not place.resolve().is_relative_to(root):
            continue
        media_type = MEDIA_TYPES.get(place.suffix, UNKNOWN_TYPE)
        caching = FOR_EVER if name.startswith(HASHED) else ASK_FIRST
        yield f"/{name}", File(media_type, place.read_bytes(), caching)


def _is_page(path: str) -> bool:
    """A missing script must stay missing, not become a page."""
    return not path.startswith(f"/{HASHED}") and Path(path).suffix not in MEDIA_TYPES


def _with_body(media_type: str, body: bytes, headers: Headers) -> Headers:
    return [
        *SECURITY,
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]


def _has(tags: bytes, etag: bytes) -> bool:
    """Weak comparison. Source: RFC 9110, 13.1.2."""
    known = [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
    return tags.strip() == b"*" or etag.removeprefix(b"W/") in known


def _takes_gzip(encodings: bytes) -> bool:
    """Source: RFC 9110, 12.5.3, without weighing: what is refused has a weight of 0."""
    for offered in encodings.lower().split(b","):
        name, _, weight = offered.partition(b";")
        if name.strip() == b"gzip":
            return _REFUSED.fullmatch(weight) is None
    return False
